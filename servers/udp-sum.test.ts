/** UDP sums over real sockets. */
import { afterEach, expect, test } from "bun:test";
import { edgeOperands, expectedReply, request } from "../protocols/sum.ts";
import type { Running } from "./standalone.ts";
import { connectUdp } from "./testing.ts";
import { startUdpSum } from "./udp-sum.ts";

let server: Running;
afterEach(() => server.stop());

async function connect() {
  server = await startUdpSum({ host: "127.0.0.1", port: 0 });
  return connectUdp(server.url);
}

test("a request in a datagram gets a reply in a datagram, exact", async () => {
  const client = await connect();
  const right = edgeOperands.filter(([a, b]) => expectedReply(a, b) !== undefined);
  for (const [a, b] of right) client.send(request(a, b));
  await client.until(() => client.received.length === right.length, "all replies");
  expect(client.received).toEqual(right.map(([a, b]) => expectedReply(a, b)!));
  client.close();
});

test("callers who share a socket find their Id in the reply", async () => {
  const client = await connect();
  for (let id = 0; id < 100; id++) client.send(request(BigInt(id), 1n, id));
  await client.until(() => client.received.length === 100, "all replies");
  expect(client.received.toSorted()).toEqual(
    Array.from({ length: 100 }, (_, id) => expectedReply(BigInt(id), 1n, id)!).toSorted(),
  );
  client.close();
});

test("what is malformed or over 256 bytes gets an error datagram, and the server goes on", async () => {
  const client = await connect();
  for (const bad of ["", "x", "[1]", `${request(1n, 2n)}${" ".repeat(300)}`, request(2n ** 63n - 1n, 1n)])
    client.send(bad);
  client.send(request(1n, 2n));
  await client.until(() => client.received.length === 6, "six replies");
  for (const reply of client.received.slice(0, 5))
    expect(JSON.parse(reply)).toEqual({ Error: expect.any(String) });
  expect(client.received[5]).toBe('{"Sum":3}');
  client.close();
});

test("an error reply is not answered, so that two servers cannot keep each other busy", async () => {
  const client = await connect();
  client.send('{"Error":"not JSON"}');
  client.send(request(1n, 2n));
  await client.untilReceived('{"Sum":3}');
  expect(client.received).toEqual(['{"Sum":3}']);
  client.close();
});

test("a caller that has gone before its reply costs the others nothing", async () => {
  const client = await connect();
  for (let i = 0; i < 20; i++) {
    const gone = await connectUdp(server.url);
    gone.send(request(1n, 1n));
    gone.close();
    client.send(request(BigInt(i), 0n, i));
    await client.untilReceived(`{"Sum":${i},"Id":${i}}`);
  }
  client.close();
});
