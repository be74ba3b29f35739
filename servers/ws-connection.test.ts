/** The WebSocket server by hand, as an echo: all of RFC 6455's cases, and the bounds that no echo shows. */
import { afterEach, expect, test } from "bun:test";
import { conform } from "../conformance/index.ts";
import { createStore, send } from "../platform/outbox.ts";
import { encodeFrame, FIN, handshakeRequest, opcodes } from "../protocols/websocket.ts";
import { connectRaw, connectWebSocket, WAIT_MS } from "./testing.ts";
import { type Connection, serveWebSockets, type WsServer, type WsServerOptions } from "./ws-connection.ts";

type Echo = Connection<unknown>;

let server: WsServer<Echo>;
afterEach(() => server.stop({ code: 1001, reason: "over" }));

function start(options: Partial<WsServerOptions<Echo>> = {}): string {
  server = serveWebSockets<Echo>({
    where: { host: "127.0.0.1", port: 0 },
    messageBytes: 1_048_576,
    queueBytes: 1_048_576,
    store: createStore(),
    sendBytes: 1_048_576 + 16,
    pingSeconds: 54,
    silenceSeconds: 60,
    answer: () => undefined,
    opened: (connection) => connection,
    message(connection, opcode, bytes, from, to) {
      send(connection.outbox, connection.socket, encodeFrame(FIN | opcode, bytes.subarray(from, to)));
    },
    leaving() {},
    ...options,
  });
  return `ws://127.0.0.1:${server.port}/`;
}

const KEY = "c29ja2JlbmNoLXRlc3QtMQ==";
const masked = (first: number, payload: string) => encodeFrame(first, payload, 0x01020304);

async function open(url: string) {
  const client = await connectRaw(url);
  client.write(handshakeRequest(new URL(url).host, "/", KEY));
  await client.until(() => client.text().endsWith("\r\n\r\n"), "the reply to the handshake");
  return client;
}

test(
  "every case of RFC 6455 passes",
  async () => {
    const { results } = await conform({ choice: ["rfc6455"], target: start() });
    expect(results.length).toBeGreaterThan(100);
    expect(results.filter(({ verdict }) => verdict !== "pass" && verdict !== "informational")).toEqual([]);
  },
  12 * WAIT_MS,
);

test("a handshake that is never complete is cut off, however slowly it comes", async () => {
  const url = start({ handshakeSeconds: 0.5, pingSeconds: 0.5 });
  const [silent, slow] = [await connectRaw(url), await connectRaw(url)];
  const timer = setInterval(() => slow.write("G"), 50);
  await Promise.all([silent.untilClosed(), slow.untilClosed()]);
  clearInterval(timer);
});

test("a head of more than 16 KiB is refused before its end", async () => {
  const client = await connectRaw(start());
  client.write(`GET / HTTP/1.1\r\nHost: x\r\nX: ${"y".repeat(17_000)}`);
  await client.untilClosed();
  expect(client.text()).toStartWith("HTTP/1.1 431 ");
});

test("one who answers no close is cut off", async () => {
  const url = start({ lingerSeconds: 0.3, pingSeconds: 0.5 });
  const client = await open(url);
  client.write(masked(FIN | opcodes.binary, "").subarray(0, 1));
  client.write(Uint8Array.of(0)); // not masked
  await client.until(() => client.bytes().includes(Buffer.from([3, 234])), "close 1002");
  let writable = true;
  // It goes on for ever; a reset ends it.
  const timer = setInterval(() => {
    writable = client.socket.write("x") >= 0;
  }, 20);
  const until = performance.now() + WAIT_MS;
  while (writable && performance.now() < until) await Bun.sleep(20);
  clearInterval(timer);
  expect(writable).toBe(false);
});

test("one who asks for pongs and does not read them is evicted", async () => {
  const client = await open(start({ queueBytes: 65_536 }));
  client.socket.pause();
  const pings = Buffer.concat(
    Array.from({ length: 4000 }, () => masked(FIN | opcodes.ping, "p".repeat(125))),
  );
  for (let i = 0; server.counters.evicted === 0 && i < 200; i++) {
    client.write(pings);
    await Bun.sleep(5);
  }
  expect(server.counters.evicted).toBe(1);
  client.reset();
});

test("a member is told to leave exactly once, however it goes", async () => {
  const left: string[] = [];
  const url = start({ leaving: ({ address }) => void left.push(address) });
  const [fin, reset, closing] = [await open(url), await open(url), await connectWebSocket(url)];
  fin.finish();
  await fin.untilClosed();
  reset.reset();
  closing.socket.close(3001, "bye");
  expect((await closing.untilClosed()).code).toBe(3001);
  const stopped = await connectWebSocket(url);
  server.stop({ code: 1001, reason: "the server stops" });
  expect(await stopped.untilClosed()).toEqual({ code: 1001, reason: "the server stops" });
  await Bun.sleep(50);
  expect(left.length).toBe(4);
  expect(new Set(left).size).toBe(4);
});
