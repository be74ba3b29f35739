/** The four TCP chat dialects over real sockets: the bytes of docs/protocols.md. */
import { afterEach, describe, expect, test } from "bun:test";
import { type DialectName, dialects, MAX_LINE_BYTES } from "../protocols/chat.ts";
import type { Running } from "./standalone.ts";
import { startChat } from "./tcp-chat.ts";
import { connectRaw, type RawClient, startProgram, WAIT_MS } from "./testing.ts";

const clients: RawClient[] = [];
let room: Running | undefined;

afterEach(async () => {
  for (const client of clients.splice(0)) client.reset();
  await room?.stop();
  room = undefined;
});

function open(dialect: DialectName): string {
  room = startChat({ host: "127.0.0.1", port: 0, dialect });
  return room.url;
}

async function join(url: string): Promise<RawClient> {
  const client = await connectRaw(url);
  clients.push(client);
  return client;
}

/** Joins one by one, so that ids count in this order; in silent dialects a line shows that the one before is in. */
async function joinAll(url: string, count: number, dialect: DialectName): Promise<RawClient[]> {
  const joined: RawClient[] = [];
  for (let i = 1; i <= count; i++) {
    const client = await join(url);
    joined.push(client);
    if (dialect === "chat/welcome") await client.untilEnd(`Welcome ${i}\n`);
    else if (dialect === "chat/stamped") await client.untilEnd(`[SERVER] Client ${i} joined the chat.\n`);
    else if (dialect === "chat/json") await client.untilEnd(joinedObject(client));
    else if (i > 1) await heardBy(client, joined[0]);
  }
  return joined;
}

const joinedObject = (client: RawClient) => `{"data_source":"server","data":"${client.address} joined"}\n`;

let probes = 0;
/** A line of one member that another got: all that was sent before it has come as well. */
async function heardBy(speaker: RawClient, listener: RawClient): Promise<string> {
  const line = `[${speaker.address}]: probe ${++probes}\n`;
  speaker.write(`probe ${probes}\n`);
  await listener.untilEnd(line);
  return line;
}

describe("chat/bracket", () => {
  test("a line goes to every other client behind [ip:port]: and the sender gets nothing", async () => {
    const [a, b, c] = await joinAll(open("chat/bracket"), 3, "chat/bracket");
    const last = await heardBy(a, c);
    await b.untilEnd(last);
    const before = { b: b.text(), c: c.text() };
    a.write("hello\n");
    await b.untilEnd(`[${a.address}]: hello\n`);
    await c.untilEnd(`[${a.address}]: hello\n`);
    expect(b.text().slice(before.b.length)).toBe(`[${a.address}]: hello\n`);
    expect(c.text().slice(before.c.length)).toBe(`[${a.address}]: hello\n`);
    const probe = await heardBy(b, a);
    expect(a.text()).toEndWith(probe);
    expect(a.text()).not.toContain("hello");
  });

  test("a carriage return before the newline is part of the line, and any bytes are relayed as they are", async () => {
    const [a, b] = await joinAll(open("chat/bracket"), 2, "chat/bracket");
    a.write(Buffer.from([0x80, 0xff, 0x00, 0x0d, 0x0a]));
    const expected = Buffer.concat([Buffer.from(`[${a.address}]: `), Buffer.from([0x80, 0xff, 0, 13, 10])]);
    await b.until(() => b.bytes().includes(expected), "the bytes as they were");
  });

  test("an empty line is a line", async () => {
    const [a, b] = await joinAll(open("chat/bracket"), 2, "chat/bracket");
    a.write("\n");
    await b.untilEnd(`[${a.address}]: \n`);
  });

  test("a line split at every offset is one line, and coalesced lines are several", async () => {
    const [a, b] = await joinAll(open("chat/bracket"), 2, "chat/bracket");
    const line = "héllo wörld\n";
    const bytes = Buffer.from(line);
    for (let at = 1; at < bytes.length; at++) {
      const before = b.received();
      a.write(bytes.subarray(0, at));
      // The other's probe is heard by the first one's side too: the two halves come by two reads.
      await heardBy(b, a);
      a.write(bytes.subarray(at));
      await b.until(() => b.received() > before, "the line");
    }
    const expected = `[${a.address}]: ${line}`;
    await b.untilEnd(expected.repeat(bytes.length - 1));
    a.write(line.repeat(50));
    await b.untilEnd(expected.repeat(bytes.length - 1 + 50));
  });

  test("a partial line at FIN is dropped", async () => {
    const [a, b] = await joinAll(open("chat/bracket"), 2, "chat/bracket");
    a.write("whole\npart");
    a.finish();
    await a.untilClosed();
    const c = await join(room!.url);
    const probe = await heardBy(c, b);
    expect(b.text()).toEndWith(`[${a.address}]: whole\n${probe}`);
  });

  test("a line of 65,536 bytes is relayed whole", async () => {
    const [a, b] = await joinAll(open("chat/bracket"), 2, "chat/bracket");
    const line = `${"x".repeat(MAX_LINE_BYTES)}\n`;
    a.write(line);
    await b.untilEnd(`[${a.address}]: ${line}`);
  });

  test("a line of 65,537 bytes is told of and closes the connection of its sender alone", async () => {
    const [a, b] = await joinAll(open("chat/bracket"), 2, "chat/bracket");
    a.write(`before\n${"x".repeat(MAX_LINE_BYTES + 1)}\nafter\n`);
    await a.untilClosed();
    expect(a.text()).toEndWith("[Server]: line too long\n");
    const c = await join(room!.url);
    const probe = await heardBy(c, b);
    expect(b.text()).toEndWith(`[${a.address}]: before\n${probe}`);
  });

  test("a line of the operator's console goes to all, and the end of the console ends nothing", async () => {
    const program = await startProgram("tcp-chat.ts", ["--dialect", "chat/bracket"]);
    try {
      const [a, b] = await joinAll(program.listening, 2, "chat/bracket");
      program.child.stdin.write("maintenance at ");
      program.child.stdin.write("noon\nthanks\n");
      await program.child.stdin.end();
      for (const client of [a, b])
        await client.until(
          () => client.text().endsWith("[Server]: maintenance at noon\n[Server]: thanks\n"),
          "the console's lines",
        );
      await heardBy(a, b);
    } finally {
      expect(await program.stop()).toBe(0);
    }
  });

  test("a console line that is too long is not sent, nor its rest, and the next one is", async () => {
    const program = await startProgram("tcp-chat.ts", ["--dialect", "chat/bracket"]);
    try {
      const [a] = await joinAll(program.listening, 1, "chat/bracket");
      const { stdin } = program.child;
      // By pieces, so that it is too long before its end is there.
      for (const piece of [
        "x".repeat(40_000),
        "y".repeat(40_000),
        "z".repeat(40_000),
        "end\nnext\nla",
        "st\n",
      ]) {
        stdin.write(piece);
        await stdin.flush();
        await Bun.sleep(20);
      }
      await a.untilEnd("[Server]: last\n");
      expect(a.text().slice(0, 100)).toBe("[Server]: next\n[Server]: last\n");
    } finally {
      expect(await program.stop()).toBe(0);
    }
  });

  test(
    "a reader that does not read is evicted, and the others notice nothing",
    async () => {
      const [a, deaf, b] = await joinAll(open("chat/bracket"), 3, "chat/bracket");
      deaf.socket.pause();
      const before = b.received();
      const line = `${"y".repeat(60_000)}\n`;
      const relayed = `[${a.address}]: ${line}`;
      let lines = 0;
      while (room!.counters!()["slow readers evicted"] === 0 && lines < 2000) {
        for (let i = 0; i < 16; i++, lines++) a.write(line);
        await b.until(() => b.received() - before === lines * relayed.length, `${lines} lines`);
      }
      expect(room!.counters!()["slow readers evicted"]).toBe(1);
      const all = b.text().slice(-lines * relayed.length);
      expect(all === relayed.repeat(lines)).toBe(true);
    },
    3 * WAIT_MS,
  );
});

describe("chat/welcome", () => {
  test("the newcomer alone is welcomed, and those who are there are told of it", async () => {
    const [a, b, c] = await joinAll(open("chat/welcome"), 3, "chat/welcome");
    await a.untilEnd("User:3has enter\n");
    await b.untilEnd("User:3has enter\n");
    expect(a.text()).toBe("Welcome 1\nUser:2has enter\nUser:3has enter\n");
    expect(b.text()).toBe("Welcome 2\nUser:3has enter\n");
    expect(c.text()).toBe("Welcome 3\n");
  });

  test("a line goes to everyone, the sender too, without its trailing carriage return", async () => {
    const [a, b] = await joinAll(open("chat/welcome"), 2, "chat/welcome");
    b.write("one\r\ntwo\r\r\n\r\n");
    for (const client of [a, b]) await client.untilEnd("2:one\n2:two\r\n2:\n");
  });

  test("the others are told who has left", async () => {
    const [a, b] = await joinAll(open("chat/welcome"), 2, "chat/welcome");
    b.finish();
    await a.untilEnd("User:2has left\n");
    expect(a.text()).toBe("Welcome 1\nUser:2has enter\nUser:2has left\n");
  });

  test("one who sends a line and FIN still gets its own line", async () => {
    const [a, b] = await joinAll(open("chat/welcome"), 2, "chat/welcome");
    b.write("last words\n");
    b.finish();
    await b.untilClosed();
    expect(b.text()).toBe("Welcome 2\n2:last words\n");
    await a.untilEnd("2:last words\nUser:2has left\n");
  });

  test("a line that is too long ends the connection, and the others are told that it has left", async () => {
    const [a, b] = await joinAll(open("chat/welcome"), 2, "chat/welcome");
    b.write("x".repeat(MAX_LINE_BYTES + 1));
    await b.untilClosed();
    expect(b.text()).toBe("Welcome 2\n");
    await a.untilEnd("User:2has left\n");
  });

  test("an id is never given twice, also by many joins at once", async () => {
    const url = open("chat/welcome");
    const first = await Promise.all(Array.from({ length: 100 }, () => join(url)));
    await Promise.all(
      first.map((client) => client.until(() => /Welcome \d+\n/.test(client.text()), "an id")),
    );
    for (const client of first.slice(0, 50)) client.finish();
    await Promise.all(first.slice(0, 50).map((client) => client.untilClosed()));
    const second = await Promise.all(Array.from({ length: 50 }, () => join(url)));
    await Promise.all(
      second.map((client) => client.until(() => /Welcome \d+\n/.test(client.text()), "an id")),
    );
    const ids = [...first, ...second].map((client) => Number(/Welcome (\d+)\n/.exec(client.text())?.[1]));
    expect(ids.toSorted((x, y) => x - y)).toEqual(Array.from({ length: 150 }, (_, i) => i + 1));
  });

  test(
    "the notice that an evicted reader has left does not overwrite what the others are about to get",
    async () => {
      // The one who does not read comes first, so that it is evicted before the others get that batch.
      const url = open("chat/welcome");
      const [deaf, a, b] = await joinAll(url, 3, "chat/welcome");
      deaf.socket.pause();
      const line = `${"z".repeat(60_000)}\n`;
      let lines = 0;
      while (room!.counters!()["slow readers evicted"] === 0 && lines < 2000) {
        const goal = b.received() + 16 * (line.length + 2);
        for (let i = 0; i < 16; i++, lines++) a.write(line);
        await Promise.all([a, b].map((client) => client.until(() => client.received() >= goal, "16 lines")));
      }
      a.write("end\n");
      await b.untilEnd("2:end\n");
      const expected = `Welcome 3\n${`2:${line}`.repeat(lines)}2:end\n`;
      expect(b.text().replace("User:1has left\n", "") === expected).toBe(true);
      expect(b.text()).toContain("\nUser:1has left\n");
    },
    3 * WAIT_MS,
  );
});

describe("chat/stamped", () => {
  test("joins and leaves are told to all, the newcomer too, each on a line of its own", async () => {
    const [a, b] = await joinAll(open("chat/stamped"), 2, "chat/stamped");
    await a.untilEnd("[SERVER] Client 2 joined the chat.\n");
    b.finish();
    await a.untilEnd("[SERVER] Client 2 left the chat.\n");
    expect(b.text()).toBe("[SERVER] Client 2 joined the chat.\n");
    expect(a.text()).toBe(
      "[SERVER] Client 1 joined the chat.\n[SERVER] Client 2 joined the chat.\n[SERVER] Client 2 left the chat.\n",
    );
  });

  test("a stamped line goes to the others unchanged", async () => {
    const [a, b] = await joinAll(open("chat/stamped"), 2, "chat/stamped");
    await a.untilEnd("[SERVER] Client 2 joined the chat.\n");
    b.write("1700000000:hello\r\n");
    await a.untilEnd("[SERVER] Client 2 joined the chat.\n1700000000:hello\r\n");
    a.write("1700000001:exit now\n");
    await b.untilEnd("1700000001:exit now\n");
    expect(b.text()).not.toContain("hello");
  });

  test.each(["exit\n", "1700000000:exit\n", "exit\r\n", "1700000000:exit\r\n"])(
    "%j leaves the room",
    async (exit) => {
      const [a, b] = await joinAll(open("chat/stamped"), 2, "chat/stamped");
      b.write(`1:bye\n${exit}1:after\n`);
      await b.untilClosed();
      await a.untilEnd("1:bye\n[SERVER] Client 2 left the chat.\n");
    },
  );

  test("a name is not given again after a leave", async () => {
    const [a, b] = await joinAll(open("chat/stamped"), 2, "chat/stamped");
    b.finish();
    await a.untilEnd("[SERVER] Client 2 left the chat.\n");
    await join(room!.url);
    await a.untilEnd("[SERVER] Client 3 joined the chat.\n");
  });
});

describe("chat/json", () => {
  const said = (client: RawClient, token: string) => `{"data_source":"${client.address}","data":${token}}\n`;

  test("everyone gets a message, the sender too, from the server's idea of its source", async () => {
    const [a, b] = await joinAll(open("chat/json"), 2, "chat/json");
    await a.untilEnd(joinedObject(b));
    b.write('{"data_source":"1.2.3.4:5","data":"hi"}');
    for (const client of [a, b]) await client.untilEnd(said(b, '"hi"'));
    b.finish();
    await a.untilEnd(`{"data_source":"server","data":"${b.address} left"}\n`);
  });

  test("objects without separator, split at every offset or in one read, are one message each", async () => {
    const [a, b] = await joinAll(open("chat/json"), 2, "chat/json");
    const object = Buffer.from('{"data_source":"","data":"a}{\\"b\\\\"}');
    const token = '"a}{\\"b\\\\"';
    a.write(Buffer.concat(Array.from({ length: 20 }, () => object)));
    await b.untilEnd(said(a, token).repeat(20));
    for (let at = 1; at < object.length; at++) {
      a.write(object.subarray(0, at));
      b.write(`{"data":"between ${at}"}`);
      // By the time the first one has heard the other, its first half has been read alone.
      await a.untilEnd(said(b, `"between ${at}"`));
      a.write(object.subarray(at));
      await b.untilEnd(said(a, token));
    }
  });

  const tokens: [string, string, string][] = [
    ["escapes stay as they were written", '{"data":"\\u00e9\\n\\/\\ud83d"}', '"\\u00e9\\n\\/\\ud83d"'],
    ["text beyond ASCII stays as bytes", '{"data":"héé 😀"}', '"héé 😀"'],
    [
      "a data member of a nested object is not the message",
      '{"x":{"data":"no"},"data":"yes","y":[{"data":"no"}]}',
      '"yes"',
    ],
    [
      "a data member inside of a string is not the message",
      '{"x":"\\"data\\":\\"no\\"","data":"yes"}',
      '"yes"',
    ],
    ["the value data is not the member data", '{"x":"data","data":"yes"}', '"yes"'],
    ["white space between the parts is none of the message", '{ "data" :\t"a b" ,\n"z":1}', '"a b"'],
    ["an escaped member name is the same name", '{"d\\u0061ta":"yes"}', '"yes"'],
  ];
  test.each(tokens)("%s", async (_, object, token) => {
    const [a, b] = await joinAll(open("chat/json"), 2, "chat/json");
    a.write(object);
    await b.untilEnd(said(a, token));
  });

  test("an object without a text is nothing, and the connection stays", async () => {
    const [a, b] = await joinAll(open("chat/json"), 2, "chat/json");
    a.write('{"data":5}{"other":"x"}{bad}{"data":"good"}');
    await b.untilEnd(said(a, '"good"'));
    expect(b.text()).toBe(`${joinedObject(b)}${said(a, '"good"')}`);
  });

  test.each(["[1]", "hello\n", `{"data":"${"x".repeat(MAX_LINE_BYTES)}"}`])(
    "what is no object, or too long, closes its connection alone",
    async (bytes) => {
      const [a, b] = await joinAll(open("chat/json"), 2, "chat/json");
      b.write(bytes);
      await b.untilClosed();
      await a.untilEnd(`{"data_source":"server","data":"${b.address} left"}\n`);
    },
  );
});

test("every dialect has its well-known port", () => {
  expect(Object.entries(dialects).map(([name, { port }]) => [name, port])).toEqual([
    ["chat/bracket", 8080],
    ["chat/welcome", 2020],
    ["chat/stamped", 9000],
    ["chat/json", 8080],
  ]);
});
