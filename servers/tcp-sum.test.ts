/** TCP sums over real sockets. */
import { afterEach, expect, test } from "bun:test";
import { edgeOperands, expectedReply, request } from "../protocols/sum.ts";
import type { Running } from "./standalone.ts";
import { startTcpSum } from "./tcp-sum.ts";
import { connectRaw, type RawClient } from "./testing.ts";

let server: Running;
const clients: RawClient[] = [];
afterEach(async () => {
  for (const client of clients.splice(0)) client.reset();
  await server.stop();
});

async function connect(idleSeconds = 30): Promise<RawClient> {
  server = startTcpSum({ host: "127.0.0.1", port: 0, idleSeconds });
  const client = await connectRaw(server.url);
  clients.push(client);
  return client;
}

test("a request split at any byte gets one reply", async () => {
  const client = await connect();
  const bytes = Buffer.from('{"A":7,"B":4}');
  for (let at = 1; at < bytes.length; at++) {
    // A whole request before the half, so that its reply shows that the half has been read alone.
    client.write(Buffer.concat([Buffer.from('{"A":1,"B":1}'), bytes.subarray(0, at)]));
    await client.untilEnd('{"Sum":2}\n');
    client.write(bytes.subarray(at));
    await client.untilEnd('{"Sum":11}\n');
  }
});

test("requests need no separator, replies are lines in request order, each exact", async () => {
  const client = await connect();
  const right = edgeOperands.filter(([a, b]) => expectedReply(a, b) !== undefined);
  client.write(right.map(([a, b]) => request(a, b)).join(""));
  const replies = right.map(([a, b]) => `${expectedReply(a, b)}\n`).join("");
  await client.until(() => client.text() === replies, "all replies in order");
});

test("what stood before FIN is answered", async () => {
  const client = await connect();
  client.write('{"A":1,"B":2}\n{"A":3,"B":4}\n{"A":5');
  client.finish();
  await client.untilClosed();
  expect(client.text()).toBe('{"Sum":3}\n{"Sum":7}\n');
});

test.each([
  ["a sum past 64 bits", request(2n ** 63n - 1n, 1n)],
  ["a bare number", "7"],
  ["bad JSON", '{"A":7 "B":4}'],
  ["a request over 256 bytes", `{"A":7,"B":4${" ".repeat(244)}}`],
  ["an endless request", `{"A":"${"x".repeat(5000)}`],
])("%s gets an error, and the connection closes after it", async (_, bad) => {
  const client = await connect();
  client.write(`${request(1n, 2n)}${bad}${request(3n, 4n)}`);
  await client.untilClosed();
  const [first, error, ...rest] = client.text().split("\n");
  expect([first, rest]).toEqual(['{"Sum":3}', [""]]);
  expect(JSON.parse(error)).toEqual({ Error: expect.any(String) });
});

test("a silent connection is closed, and one that asks now and then is not", async () => {
  const silent = await connect(0.5);
  const busy = await connectRaw(server.url);
  clients.push(busy);
  let closed = false;
  const closing = silent.untilClosed().finally(() => {
    closed = true;
  });
  for (let count = 1; !closed; count++) {
    busy.write('{"A":1,"B":1}');
    await busy.until(() => busy.text().length === count * 10, "the reply");
    await Bun.sleep(20);
  }
  await closing;
  expect(server.counters!()["idle connections closed"]).toBe(1);
  busy.write('{"A":2,"B":2}');
  await busy.untilEnd('{"Sum":4}\n');
});

test("a peer that does not read its replies is not read any further, and gets them all once it reads", async () => {
  const client = await connect();
  client.socket.pause();
  const count = 400_000;
  client.write('{"A":7,"B":4}'.repeat(count));
  const other = await connectRaw(server.url);
  clients.push(other);
  other.write('{"A":1,"B":1}');
  await other.untilEnd('{"Sum":2}\n');
  client.socket.resume();
  const expected = '{"Sum":11}\n'.repeat(count);
  await client.until(() => client.received() === expected.length, "all replies");
  expect(client.text() === expected).toBe(true);
});
