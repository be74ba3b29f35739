/** The WebSocket room and its hub over real sockets. */
import { afterEach, expect, test } from "bun:test";
import { MAX_MESSAGE_BYTES } from "../protocols/chat-ws.ts";
import {
  acceptFor,
  createFrameBuffer,
  encodeFrame,
  FIN,
  opcodeOf,
  opcodes,
  splitFrames,
} from "../protocols/websocket.ts";
import { steadily } from "../testing/steady.ts";
import type { Running } from "./standalone.ts";
import { connectRaw, connectWebSocket, type RawClient, WAIT_MS } from "./testing.ts";
import { type ChatWsOptions, startChatWs } from "./ws-chat.ts";

let room: Running;
const raws: RawClient[] = [];
const stop = async () => {
  for (const raw of raws.splice(0)) raw.reset();
  await room.stop();
};
afterEach(stop);

function start(options: Partial<ChatWsOptions> = {}): string {
  room = startChatWs({
    host: "127.0.0.1",
    port: 0,
    pingSeconds: 54,
    silenceSeconds: 60,
    allowOrigins: [],
    ...options,
  });
  return room.url;
}

const KEY = "c29ja2JlbmNoLXRlc3QtMQ==";

/** A client by hand: it reads or not, answers pings or not, as the test wants it. */
async function joinRaw(headers: string[] = []): Promise<RawClient> {
  const client = await connectRaw(room.url);
  raws.push(client);
  const host = new URL(room.url).host;
  client.write(
    [
      "GET /ws HTTP/1.1",
      `Host: ${host}`,
      "Upgrade: websocket",
      "Connection: Upgrade",
      "Sec-WebSocket-Version: 13",
      `Sec-WebSocket-Key: ${KEY}`,
      ...headers,
      "\r\n",
    ].join("\r\n"),
  );
  await client.until(() => client.text().includes("\r\n\r\n"), "the reply to the handshake");
  return client;
}

const frame = (first: number, payload: string | Uint8Array) => encodeFrame(FIN | first, payload, 0x01020304);
const say = (client: RawClient, text: string) => client.write(frame(opcodes.text, text));
const relayed = (author: RawClient, text: string) => `[${author.address}]: ${text}\n`;

test("a message goes to every other client behind [ip:port]: with a newline, as one text message", async () => {
  const a = await connectWebSocket(start());
  const [b, c] = [await joinRaw(), await connectWebSocket(room.url)];
  expect(b.text()).toContain(`Sec-WebSocket-Accept: ${acceptFor(KEY)}`);
  for (const text of ["hello", "", "\ufeffhéé 😀", "two\nlines"]) say(b, text);
  for (const client of [a, c]) {
    await client.untilReceived(4);
    expect(client.received).toEqual(
      ["hello", "", "\ufeffhéé 😀", "two\nlines"].map((text) => relayed(b, text)),
    );
  }
  a.send("back");
  await b.until(() => b.text().endsWith("back\n"), "the answer");
  expect(b.text()).not.toContain("hello");
  a.close();
  c.close();
});

test("binary messages are refused with 1003 and not relayed", async () => {
  const [a, b] = [await connectWebSocket(start()), await connectWebSocket(room.url)];
  a.send(Buffer.from("binary"));
  expect((await a.untilClosed()).code).toBe(1003);
  const c = await joinRaw();
  say(c, "after");
  await b.untilReceived(1);
  expect(b.received).toEqual([relayed(c, "after")]);
  b.close();
});

test("64 KiB are a message, one byte more closes with 1009", async () => {
  const [a, b] = [await connectWebSocket(start()), await joinRaw()];
  say(b, "x".repeat(MAX_MESSAGE_BYTES));
  await a.untilReceived(1);
  expect(a.received[0]).toBe(relayed(b, "x".repeat(MAX_MESSAGE_BYTES)));
  a.send("x".repeat(MAX_MESSAGE_BYTES + 1));
  expect((await a.untilClosed()).code).toBe(1009);
});

test("a foreign origin is refused with 403, its own and none are not", async () => {
  start();
  const own = `http://${new URL(room.url).host}`;
  for (const [headers, status] of [
    [["Origin: https://elsewhere.example"], 403],
    [["Origin: null"], 403],
    [[`Origin: ${own}.example`], 403],
    [[`Origin: ${own}`], 101],
    [[], 101],
  ] as const)
    expect((await joinRaw([...headers])).text()).toStartWith(`HTTP/1.1 ${status} `);
  expect(room.counters!()["foreign origins refused"]).toBe(3);
});

test("--allow-origin names origins that may connect, and no others", async () => {
  start({ allowOrigins: ["https://friend.example"] });
  expect((await joinRaw(["Origin: https://friend.example"])).text()).toStartWith("HTTP/1.1 101 ");
  expect((await joinRaw(["Origin: https://other.example"])).text()).toStartWith("HTTP/1.1 403 ");
});

test("/ is the page, with its style and script; other paths are 404, and a plain /ws is told what it is", async () => {
  const base = start().replace("ws:", "http:").replace(/\/ws$/, "");
  for (const [path, type] of [
    ["/", "text/html"],
    ["/chat.js", "text/javascript"],
    ["/chat.css", "text/css"],
  ]) {
    const response = await fetch(base + path);
    expect([response.status, response.headers.get("content-type")?.split(";")[0]]).toEqual([200, type]);
    expect(response.headers.get("content-security-policy")).toContain("default-src 'none'");
  }
  expect((await fetch(`${base}/chat-page.test.ts`)).status).toBe(404);
  expect((await fetch(`${base}/constructor`)).status).toBe(404);
  expect((await fetch(`${base}/ws`)).status).toBe(426);
  expect((await fetch(base, { method: "POST" })).status).toBe(405);
});

/** Takes frames of a server off: the payloads of the text messages, and the close frame's payload. */
function readFrames(bytes: Buffer): { texts: string[]; close: Buffer | undefined } {
  const texts: string[] = [];
  let close: Buffer | undefined;
  const frames = bytes.subarray(bytes.indexOf("\r\n\r\n") + 4);
  splitFrames(createFrameBuffer(), frames, frames.length, ({ first }, payloads, from, to) => {
    const payload = Buffer.from(payloads.subarray(from, to));
    if (opcodeOf(first) === opcodes.close) close ??= payload;
    if (opcodeOf(first) === opcodes.text) texts.push(payload.toString());
  });
  return { texts, close };
}

test(
  "a client that does not read is evicted with 1008 and a reason, until then has every message, and the others too",
  async () => {
    start();
    const [author, deaf, b] = [await joinRaw(), await joinRaw(), await connectWebSocket(room.url)];
    deaf.socket.pause();
    let sent = 0;
    const text = (i: number) => `${i} ${"x".repeat(60_000)}`;
    while (room.counters!()["slow readers evicted"] === 0 && sent < 2000) {
      for (let i = 0; i < 16; i++) say(author, text(sent++));
      await b.untilReceived(sent);
    }
    expect(b.received.length).toBe(sent);
    expect(b.received.every((message, i) => message === relayed(author, text(i)))).toBe(true);
    deaf.socket.resume();
    await deaf.untilClosed();
    const { texts, close } = readFrames(deaf.bytes());
    expect(texts.length).toBeGreaterThan(16);
    expect(texts.every((message, i) => message === relayed(author, text(i)))).toBe(true);
    expect([close?.readUInt16BE(0), close?.subarray(2).toString()]).toEqual([1008, "you read too slowly"]);
    expect(room.counters!()["messages dropped"]).toBe(0);
    b.close();
  },
  3 * WAIT_MS,
);

test(
  "a client from which nothing comes is closed, one that answers pings is kept",
  steadily(async () => {
    const alive = await connectWebSocket(start({ pingSeconds: 0.1, silenceSeconds: 0.5 }));
    const dead = await joinRaw();
    await dead.untilClosed();
    const { close } = readFrames(dead.bytes());
    expect([close?.readUInt16BE(0), close?.subarray(2).toString()]).toEqual([1008, "nothing came for 0.5 s"]);
    expect(dead.bytes().includes(Buffer.from([FIN | opcodes.ping, 0]))).toBe(true);
    const c = await joinRaw();
    say(c, "still there?");
    await alive.untilReceived(1);
    expect(alive.socket.readyState).toBe(WebSocket.OPEN);
    expect(room.counters!()["silent clients closed"]).toBe(1);
    alive.close();
  }, stop),
);

test("fragments are one message, and a client that goes without a close frame hurts nobody", async () => {
  const [a, b, c] = [await connectWebSocket(start()), await joinRaw(), await joinRaw()];
  b.write(encodeFrame(opcodes.text, "frag", 7));
  c.reset();
  b.write(encodeFrame(FIN | opcodes.continuation, "ments", 7));
  await a.untilReceived(1);
  expect(a.received).toEqual([relayed(b, "fragments")]);
  a.close();
});
