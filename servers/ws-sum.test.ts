/** WebSocket sums and echo over real sockets. */
import { afterEach, expect, test } from "bun:test";
import { edgeOperands, expectedReply, request } from "../protocols/sum.ts";
import { closePayload, encodeFrame, FIN, handshakeRequest, opcodes } from "../protocols/websocket.ts";
import { steadily } from "../testing/steady.ts";
import type { Running } from "./standalone.ts";
import { connectRaw, connectWebSocket, eventually, placeOf, WAIT_MS } from "./testing.ts";
import { type SumOptions, startSum } from "./ws-sum.ts";

let server: Running | undefined;
const stop = async () => {
  await server?.stop();
  server = undefined;
};
afterEach(stop);

const start = (
  idleSeconds = 20,
  host = "127.0.0.1",
  handshakeSeconds = 5,
  options: Partial<SumOptions> = {},
) => {
  server = startSum({ host, port: 0, idleSeconds, handshakeSeconds, ...options });
  return server.url;
};
const at = (path: string) => server!.url.replace(/\/add$/, path);

test("each request message gets one reply message, in order and exact", async () => {
  const client = await connectWebSocket(start());
  const right = edgeOperands.filter(([a, b]) => expectedReply(a, b) !== undefined);
  for (const [a, b] of right) client.send(request(a, b));
  await client.untilReceived(right.length);
  expect(client.received).toEqual(right.map(([a, b]) => expectedReply(a, b)!));
  client.close();
});

test("what is malformed, too long or binary gets an error, and the connection stays", async () => {
  const client = await connectWebSocket(start());
  for (const bad of ["", "{", '{"A":1}', `{"A":1,"B":2${" ".repeat(300)}}`, Buffer.from(request(1n, 2n))])
    client.send(bad);
  client.send(request(1n, 2n));
  await client.untilReceived(6);
  for (const reply of client.received.slice(0, 5))
    expect(JSON.parse(String(reply))).toEqual({ Error: expect.any(String) });
  expect(client.received[5]).toBe('{"Sum":3}');
  client.close();
});

test("/echo sends text and binary messages back as they came, the empty one too", async () => {
  start();
  const client = await connectWebSocket(at("/echo"));
  const messages = ["text", "", "\ufeffmark 😀", Buffer.from([0, 255, 1]), "x".repeat(1_000_000)];
  for (const message of messages) client.send(message);
  await client.untilReceived(messages.length);
  expect(client.received).toEqual(messages);
  client.close();
});

test(
  "/echo closes one that does not read with 1008 behind what fitted, and not one that does",
  steadily(async () => {
    const size = 1_048_576;
    const frame = encodeFrame(FIN | opcodes.binary, new Uint8Array(size).fill(7), 0x01020304);
    const handshake = handshakeRequest("localhost", "/echo", "c29ja2JlbmNoLXRlc3QtMQ==");
    start(20, "127.0.0.1", 5, { queueBytes: size + 14 });
    const [deaf, reader] = [await connectRaw(server!.url), await connectRaw(server!.url)];
    for (const client of [deaf, reader]) {
      client.write(handshake);
      await client.until(() => client.text().endsWith("\r\n\r\n"), "the handshake");
    }
    const head = deaf.received();
    deaf.socket.pause();
    for (let sent = 1; sent <= 2; sent++) {
      for (const client of [deaf, reader]) client.write(frame);
      await reader.until(() => reader.received() >= head + sent * (size + 10), "the echo");
    }
    await eventually(() => server!.counters!()["peers closed that did not read"] === 1, "the close");
    deaf.socket.resume();
    await deaf.untilClosed();
    const bytes = deaf.bytes();
    expect(
      bytes.subarray(-23).equals(encodeFrame(FIN | opcodes.close, closePayload(1008, "you read too slowly"))),
    ).toBe(true);
    expect(bytes.length).toBe(head + size + 10 + 23);
    reader.reset();
  }, stop),
  2 * WAIT_MS,
);

test.each(["/", "/adds", "/echo/", "/ws"])("%s is a plain 404", async (path) => {
  start();
  const response = await fetch(at(path).replace("ws:", "http:"));
  expect([response.status, await response.text()]).toEqual([404, "not found\n"]);
  const upgrade = await connectWebSocket(at(path));
  expect((await upgrade.untilClosed()).code).toBe(1006); // no handshake, no close frame
});

test("a query does not change the path, and a Host that is none does not stop the server", async () => {
  start();
  const client = await connectWebSocket(`${server!.url}?x=/echo`);
  client.send(request(2n, 2n));
  await client.untilReceived(1);
  expect(client.received).toEqual(['{"Sum":4}']);
  client.close();
  const raw = await connectRaw(server!.url);
  raw.write("GET /nowhere HTTP/1.1\r\nHost: ???\r\n\r\n");
  await raw.until(() => raw.text().includes("not found\n"), "the 404");
  expect(raw.text()).toStartWith("HTTP/1.1 404 ");
  raw.reset();
});

test("a Connection field that does not name Upgrade is not upgraded, one that names it among others is", async () => {
  start();
  for (const [field, status] of [
    ["keep-alive", 426],
    ["keep-alive, uPgrade", 101],
  ] as const) {
    const raw = await connectRaw(server!.url);
    raw.write(
      `GET /add HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: ${field}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: c29ja2JlbmNoLXRlc3QtMQ==\r\n\r\n`,
    );
    await raw.until(() => raw.text().includes("\r\n\r\n"), "the reply");
    expect(raw.text()).toStartWith(`HTTP/1.1 ${status} `);
    raw.reset();
  }
});

test("a plain request for /add is told that it speaks WebSocket", async () => {
  const response = await fetch(start().replace("ws:", "http:"));
  expect([response.status, response.headers.get("upgrade")]).toEqual([426, "websocket"]);
});

test(
  "a connection without messages is closed, also while it answers pings, and one with messages is not",
  steadily(async () => {
    const url = start(0.5);
    const [idle, busy] = [await connectWebSocket(url), await connectWebSocket(url)];
    let closed = false;
    const closing = idle.untilClosed().finally(() => {
      closed = true;
    });
    for (let count = 1; !closed; count++) {
      idle.socket.ping();
      busy.send(request(1n, 1n));
      await busy.untilReceived(count);
      await Bun.sleep(20);
    }
    expect(await closing).toEqual({ code: 1000, reason: "idle" });
    expect(busy.socket.readyState).toBe(WebSocket.OPEN);
    expect(server!.counters!()["idle connections closed"]).toBe(1);
    busy.close();
  }, stop),
);

test.skipIf(process.platform !== "linux").each(["127.0.0.1", "::1", "::"])(
  "a handshake that trickles is ended while a finished one on %s stays",
  async (host) => {
    const url = start(60, host, 0.5).replace("[::]", "127.0.0.1");
    const finished = await connectWebSocket(url);
    const slow = await connectRaw(url);
    slow.write("GET /add HTTP/1.1\r\n");
    const trickle = setInterval(() => slow.write("X: y\r\n"), 50);
    await slow.untilClosed().finally(() => clearInterval(trickle));
    finished.send(request(3n, 4n));
    await finished.untilReceived(1);
    expect(finished.received).toEqual(['{"Sum":7}']);
    expect(slow.text()).toBe("");
    finished.close();
    expect(placeOf(url).port).toBeGreaterThan(0);
  },
  2 * WAIT_MS,
);
