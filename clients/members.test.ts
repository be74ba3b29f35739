import { expect, spyOn, test } from "bun:test";
import { capabilityOf } from "../protocols/index.ts";
import { startRelay } from "../servers/udp-relay.ts";
import { startSum } from "../servers/ws-sum.ts";
import { parseEndpoint } from "./endpoint.ts";
import { openMembers } from "./members.ts";
import { createRequestPool } from "./requests.ts";
import { runTruncate } from "./workloads/truncate.ts";

/** Resolves when so many bytes have been gathered. */
async function gather(url: string, requests: Uint8Array, bytes: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  const done = Promise.withResolvers<void>();
  const [member] = await openMembers(parseEndpoint(url)!, 1, {
    onBytes(_, chunk) {
      chunks.push(chunk);
      if (Buffer.concat(chunks).length >= bytes) done.resolve();
    },
    onLost: (_, reason) => done.reject(new Error(reason)),
  });
  member.send(requests, 0, requests.length);
  await done.promise;
  member.close();
  return Buffer.concat(chunks);
}

/** The same requests by Bun's own client. */
function ask(url: string, requests: string[]): Promise<string[]> {
  const { promise, resolve, reject } = Promise.withResolvers<string[]>();
  const replies: string[] = [];
  const socket = new WebSocket(url);
  socket.onopen = () => {
    for (const request of requests) socket.send(request);
  };
  socket.onmessage = ({ data }) => {
    if (replies.push(String(data)) < requests.length) return;
    socket.close();
    resolve(replies);
  };
  socket.onerror = () => reject(new Error("the WebSocket failed"));
  return promise;
}

test("WebSocket frames written and read by hand say the same as a plain WebSocket", async () => {
  const server = startSum({ host: "127.0.0.1", port: 0, idleSeconds: 20 });
  try {
    const pool = createRequestPool(capabilityOf("sum/ws", "requests"), 42).slice(0, 200);
    const wanted = Buffer.concat(pool.map(({ reply }) => reply));
    const byHand = await gather(server.url, Buffer.concat(pool.map(({ bytes }) => bytes)), wanted.length);
    const plain = await ask(
      server.url,
      pool.map(({ text }) => text),
    );
    expect(byHand.equals(wanted)).toBe(true);
    expect(plain).toEqual(pool.map(({ reply }) => Buffer.from(reply.subarray(2)).toString()));
  } finally {
    await server.stop();
  }
});

test("a server that is no WebSocket server is unreachable in words", async () => {
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: () => new Response("no", { status: 400 }),
  });
  const opening = openMembers(parseEndpoint(`ws://127.0.0.1:${server.port}/`)!, 1, {
    onBytes() {},
    onLost() {},
  });
  await expect(opening).rejects.toThrow(/handshake was answered with "HTTP\/1.1 400/);
  await server.stop(true);
});

test("a port where nobody listens is refused in words", async () => {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const { port } = listener;
  listener.stop(true);
  const opening = openMembers(parseEndpoint(`tcp://127.0.0.1:${port}`)!, 3, { onBytes() {}, onLost() {} });
  await expect(opening).rejects.toThrow(/connection refused/);
});

test("every UDP client of a loopback target is bound to loopback, not to every address", async () => {
  const relay = await startRelay({ host: "127.0.0.1", port: 0, oversize: "drop", forgetAfterSeconds: 60 });
  const bind = spyOn(Bun, "udpSocket");
  try {
    for (const { close } of await openMembers(parseEndpoint(relay.url)!, 2, { onBytes() {}, onLost() {} }))
      close();
    const exchange = {
      fleet: 0,
      fleets: 1,
      ready: async () => ({ type: "go" as const, at: 0, introductions: [] }),
      progress() {},
      sent: async () => [],
    };
    await runTruncate(
      { workload: "truncate", target: relay.url, protocol: "relay", sizes: [10], smallBufferBytes: 64 },
      exchange,
    );
    const hosts = bind.mock.calls.map(([options]) => options.hostname);
    expect(hosts.length).toBeGreaterThan(4);
    expect(new Set(hosts)).toEqual(new Set(["127.0.0.1"]));
  } finally {
    bind.mockRestore();
    await relay.stop();
  }
});
