import { afterEach, expect, test } from "bun:test";
import { defineProtocol } from "../protocols/define.ts";
import { expect as awaits, type Definition, send } from "../protocols/definition.ts";
import { ignore, lines, wsMessage } from "../protocols/framing.ts";
import { parseEndpoint } from "./endpoint.ts";
import { joining, topicOf } from "./joining.ts";
import { type Member, openMembers } from "./members.ts";

type Wire = Bun.Socket<{ rest: string }>;
const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
});

/** A server of lines: what it says when somebody comes, and to each line; and all lines that it was told. */
function serve(hear: (socket: Wire, line: string) => void, welcome = "") {
  const heard: string[] = [];
  const server = Bun.listen<{ rest: string }>({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      open(socket) {
        socket.data = { rest: "" };
        if (welcome) socket.write(welcome);
      },
      data(socket, chunk) {
        const all = (socket.data.rest + chunk.toString()).split("\n");
        socket.data.rest = all.pop() ?? "";
        for (const line of all) {
          heard.push(line);
          hear(socket, line);
        }
      },
    },
  });
  ends.push(() => server.stop(true));
  return { url: (user = "") => `tcp://${user}127.0.0.1:${server.port}`, heard };
}

async function join(definition: Partial<Definition>, url: string, count = 1) {
  const protocol = defineProtocol({ name: "test", framing: lines(), ...definition });
  const got: string[] = [];
  const stray: string[] = [];
  const members: Member[] = await openMembers(
    parseEndpoint(url)!,
    count,
    { onBytes: (_, chunk) => void got.push(Buffer.from(chunk).toString()), onLost() {} },
    joining({
      protocol,
      topic: "t-1",
      role: "member",
      speaks: (index) => index === 0,
      onStray: (_, unit) => void stray.push(Buffer.from(unit).toString()),
    }),
  );
  ends.push(() => {
    for (const member of members) member.close();
  });
  return { members, got, stray };
}

async function until(done: () => boolean): Promise<void> {
  for (let i = 0; i < 400 && !done(); i++) await Bun.sleep(5);
  expect(done()).toBe(true);
}

test("open waits for what it expects, answers pings in between, and leaves what comes behind to the room", async () => {
  const server = serve((socket, line) => {
    if (line === "join t-1 as ann/s:e") socket.write("noise\nping 1\n");
    if (line === "pong 1") socket.write("joined 77\nfirst delivery\nhalf");
  }, "hello\n");
  const { members, got } = await join(
    {
      *open({ topic, user, password }) {
        yield awaits(/^hello/);
        yield send(`join ${topic} as ${user}/${password}`);
        const [, id] = yield awaits(/^joined (\d+)/);
        return { id };
      },
      control: (unit) =>
        unit.toString().startsWith("ping") ? unit.toString().replace("ping", "pong") : undefined,
    },
    server.url("ann:s%3Ae@"),
  );
  expect(members[0].id).toBe("77");
  expect(server.heard).toEqual(["join t-1 as ann/s:e", "pong 1"]);
  expect(got.join("")).toBe("first delivery\nhalf");
});

test("what it waited for, and what came instead, is told when the server hangs up", async () => {
  const server = serve((socket) => {
    socket.write("-ERR no such user\n");
    socket.end();
  });
  const joined = join(
    {
      *open() {
        yield send("login");
        yield awaits(/^OK/);
      },
    },
    server.url(),
  );
  expect(joined).rejects.toThrow(/closed by the server; it sent "-ERR no such user"/);
});

test("an open that fails is told by its own words", async () => {
  const server = serve(() => {});
  const joined = join(
    {
      // biome-ignore lint/correctness/useYield: it fails before
      *open() {
        throw new Error("a user is needed");
      },
    },
    server.url(),
  );
  expect(joined).rejects.toThrow(/open: a user is needed/);
});

test("a publisher has a connection of its own, and only who speaks has one", async () => {
  const server = serve((socket, line) => {
    if (line.startsWith("sub")) socket.write("subscribed\n");
    if (line.startsWith("pub")) socket.write(":1\nwhat?\n");
  });
  const { members, got, stray } = await join(
    {
      separatePublishers: true,
      *open({ role, index }) {
        yield send(`${role === "subscriber" ? "sub" : "hello"} ${index}`);
        if (role === "subscriber") yield awaits(/^subscribed/);
      },
      control: (unit, role) => (role === "publisher" && unit[0] === 58 ? ignore : undefined),
    },
    server.url(),
    2,
  );
  const words = Buffer.from("pub x\n");
  members[0].send(words, 0, words.length);
  await until(() => stray.length > 0);
  expect(server.heard.toSorted()).toEqual(["hello 0", "pub x", "sub 0", "sub 1"]);
  expect(stray).toEqual(["what?\n"]);
  expect(got).toEqual([]);
});

test("a handshake has the subprotocol and headers of its protocol, and both sides must agree", async () => {
  const asked: (string | null)[] = [];
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch(request, server) {
      asked.push(request.headers.get("sec-websocket-protocol"), request.headers.get("x-user"));
      const answer = new URL(request.url).pathname.slice(1);
      const headers = answer ? { headers: { "sec-websocket-protocol": answer } } : {};
      return server.upgrade(request, headers) ? undefined : new Response("no", { status: 400 });
    },
    websocket: { message() {} },
  });
  ends.push(() => void server.stop(true));
  const definition = {
    framing: wsMessage(),
    subprotocol: "v1.mine",
    headers: ({ user }: { user: string }) => ({ "X-User": user }),
  };
  const url = (path: string) => `ws://ann@127.0.0.1:${server.port}/${path}`;
  await join(definition, url("v1.mine"));
  expect(asked).toEqual(["v1.mine", "ann"]);
  expect(join(definition, url("v2"))).rejects.toThrow(
    /asked for the subprotocol v1\.mine, and it agreed to v2/,
  );
});

test("no two samples have the same topic", () => {
  expect(new Set([topicOf(2, 5e12), topicOf(4, 5e12), topicOf(2, 5e12 + 1)]).size).toBe(3);
  expect(topicOf(65_534, 9e15)).toMatch(/^[a-z0-9-]+$/);
});
