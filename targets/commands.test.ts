/** A user's commands: a port of ours, an address, quotes and paths; what fails to start says why, and nothing is left. */
import { afterAll, expect, test } from "bun:test";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dial } from "../clients/dial.ts";
import { type Endpoint, parseEndpoint } from "../clients/endpoint.ts";
import { affinityOf, allowedCpus } from "../platform/affinity.ts";
import { isOver, readProcess } from "../platform/process-tree.ts";
import { echoServer } from "../servers/tcp-echo.ts";
import { command } from "./commands.ts";
import { freePort } from "./free-port.ts";
import { inProcess } from "./in-process.ts";
import { running } from "./running.ts";
import type { ServerUnderTest } from "./server.ts";

const onLinux = test.skipIf(process.platform !== "linux");
const folder = mkdtempSync(`${tmpdir()}/sockbench commands-`);
afterAll(() => rmSync(folder, { recursive: true }));
const bun = process.execPath;

/** A server in a file of its own, in a folder with a space in its name; told its port by its first argument. */
function file(name: string, script: string): string {
  const path = `${folder}/${name}`;
  writeFileSync(path, `#!${bun}\n${script}`);
  chmodSync(path, 0o755);
  return path;
}

const tcp = file(
  "tcp server.ts",
  `Bun.listen({ hostname: "127.0.0.1", port: Number(process.argv[2]), socket: { data(s, b) { s.write(b); } } });`,
);
const udp = file(
  "udp.ts",
  `await Bun.udpSocket({ hostname: "127.0.0.1", port: Number(process.argv[2]), socket: { data(s, b, p, a) { s.send(b, p, a); } } });`,
);
const ws = file(
  "ws.ts",
  `Bun.serve({ hostname: "127.0.0.1", port: Number(process.argv[2]),
    fetch: (request, server) => new URL(request.url).pathname === "/ws" && server.upgrade(request) ? undefined : new Response("", { status: 404 }),
    websocket: { message(s, m) { s.send(m); } } });`,
);

async function replyOf(server: Endpoint, text: string): Promise<string> {
  const reply = Promise.withResolvers<string>();
  const socket = await dial(server, { data: (_, bytes) => reply.resolve(bytes.toString()) });
  socket.write(text);
  try {
    return await reply.promise;
  } finally {
    socket.end();
  }
}

const leftOf = (server: ServerUnderTest, pids: readonly number[]) => {
  expect(server.alive()).toBe(false);
  return pids.map(readProcess).filter((one) => one && !isOver(one));
};

test.each([
  ["a path with a space, quoted", `"${tcp}" {port}`],
  ["a relative path", `cd "${folder}" && './tcp server.ts' {port}`],
  ["the port twice, and quotes within quotes", `test {port} -gt 0 && sh -c "'${tcp}' {port}"`],
])("{port} is a port of ours: %s", async (_, text) => {
  const source = command("mine", text);
  const [one, other] = await Promise.all([source.start("chat/bracket"), source.start("chat/bracket")]);
  expect(one.url).toMatch(/^tcp:\/\/127\.0\.0\.1:\d+$/);
  expect(one.port).not.toBe(other.port);
  expect(await replyOf(one, "to one")).toBe("to one");
  expect(await replyOf(other, "to the other")).toBe("to the other");
  const pids = one.pids();
  expect(pids.length).toBeGreaterThan(0);
  await Promise.all([one.stop(), other.stop()]);
  expect(leftOf(one, pids)).toEqual([]);
});

onLinux("its transport and path are the protocol's", async () => {
  const overUdp = await command("mine", `"${udp}" {port}`).start("relay");
  expect(overUdp.url).toMatch(/^udp:\/\/127\.0\.0\.1:\d+$/);
  await overUdp.stop();
  const overWs = await command("mine", `"${ws}" {port}`).start("chat/ws");
  expect(overWs.url).toMatch(/^ws:\/\/127\.0\.0\.1:\d+\/ws$/);
  await overWs.stop();
});

test.skipIf(allowedCpus().length < 2)("it is on its CPUs from its first instruction", async () => {
  const cpus = allowedCpus().slice(0, 1);
  const server = await command("mine", `"${tcp}" {port}`).start("echo", { cpus });
  expect(server.pinned).toBe(true);
  for (const pid of server.pids()) expect(affinityOf(pid)).toEqual(cpus);
  await server.stop();
});

test.each([
  ["echo to out; echo to err >&2; exit 7 # {port}", /^mine failed to start: it ended with code 7: .*to err/],
  ["./no-such-server {port}", /^mine failed to start: it ended with code 127: .*no-such-server/],
  [
    "echo ready; sleep 60",
    /^mine failed to start: where it listens is not known \(its first line is "ready"\): give --target, use \{port\}, or print one JSON line/,
  ],
  [
    `echo '{"listening": "udp://127.0.0.1:1"}'; sleep 60`,
    /^mine failed to start: it listens at udp:\/\/127.0.0.1:1, and chat\/bracket needs tcp:\/\/$/,
  ],
  [`"${tcp}" {port} &`, /^mine failed to start: it ended with code 0/],
])("%s failed to start, and says why", async (text, words) => {
  await expect(command("mine", text).start("chat/bracket")).rejects.toMatchObject({
    exitCode: 3,
    message: expect.stringMatching(words),
  });
});

test("one JSON line says where it listens, too", async () => {
  const port = await freePort("tcp");
  const server = await command(
    "mine",
    `"${tcp}" ${port} & echo '{"listening":"tcp://127.0.0.1:${port}"}'; wait`,
  ).start("echo");
  expect(server.port).toBe(port);
  await server.stop();
});

test("a port that is given is none that somebody has", async () => {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: await freePort("tcp"), socket: { data() {} } });
  const ports = await Promise.all(Array.from({ length: 50 }, () => freePort("tcp")));
  expect(ports).not.toContain(listener.port);
  expect(new Set(ports).size).toBe(50);
  const at = parseEndpoint(`tcp://127.0.0.1:${listener.port}`)!;
  await expect(command("mine", `"${tcp}" {port}`, at).start("echo")).rejects.toMatchObject({
    message: expect.stringMatching(/^mine failed to start: .* answered before it was started/),
  });
  listener.stop(true);
});

onLinux(
  "a server that is paused answers nothing, with all of its processes, until it is resumed",
  async () => {
    const server = await command("mine", `sleep 79 & "${tcp}" {port}; wait`).start("echo");
    expect(await replyOf(server, "before")).toBe("before");
    const states = () => server.pids().map((pid) => readProcess(pid)?.state);
    server.pause();
    expect(states().length).toBeGreaterThanOrEqual(3);
    while (!states().every((state) => state === "T")) await Bun.sleep(2);
    // The kernel takes the connection; nobody is there to answer.
    let answered = false;
    const reply = replyOf(server, "while it stands").then((text) => {
      answered = true;
      return text;
    });
    await Bun.sleep(100);
    expect(answered).toBe(false);
    server.resume();
    expect(await reply).toBe("while it stands");
    server.pause();
    const pids = server.pids();
    await server.stop();
    expect(leftOf(server, pids)).toEqual([]);
  },
);

onLinux("what runs already is paused by its port; what is in this process is not", async () => {
  const started = await command("mine", `"${tcp}" {port}`).start("echo");
  const server = await running("it", parseEndpoint(started.url)!).start("echo");
  server.pause();
  while (readProcess(server.pids()[0])?.state !== "T") await Bun.sleep(2);
  await server.stop();
  expect(await replyOf(started, "again")).toBe("again");
  await started.stop();
  const here = await inProcess(echoServer, []).start("echo");
  expect(() => here.pause()).toThrow("cannot be paused");
  await here.stop();
});
