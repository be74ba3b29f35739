/** The proxy between real sockets: what it must not change, and what it must. */
import { afterEach, expect, test } from "bun:test";
import { parseEndpoint } from "../clients/endpoint.ts";
import { connectRaw, eventually } from "../servers/testing.ts";
import { createLane } from "./lane.ts";
import { type ProxyOptions, startProxy } from "./proxy.ts";

const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
});

async function proxied(url: string, options: Omit<ProxyOptions, "target"> = {}) {
  const proxy = await startProxy({ target: parseEndpoint(url)!, ...options });
  ends.push(proxy.stop);
  return proxy;
}

/** A server that sends everything back, and ends when its client has. */
function startMirror(): string {
  type State = { waiting: Buffer; ended: boolean };
  const flush = (socket: Bun.Socket<State>) => {
    const { data } = socket;
    data.waiting = data.waiting.subarray(Math.max(0, socket.write(data.waiting)));
    if (data.ended && data.waiting.length === 0) socket.shutdown();
  };
  const server = Bun.listen<State>({
    hostname: "127.0.0.1",
    port: 0,
    allowHalfOpen: true,
    socket: {
      open(socket) {
        socket.data = { waiting: Buffer.alloc(0), ended: false };
      },
      data(socket, chunk) {
        socket.data.waiting = Buffer.concat([socket.data.waiting, chunk]);
        flush(socket);
      },
      drain: flush,
      end(socket) {
        socket.data.ended = true;
        flush(socket);
      },
    },
  });
  ends.push(() => server.stop(true));
  return `tcp://127.0.0.1:${server.port}`;
}

const noise = (bytes: number) => Buffer.from(Array.from({ length: bytes }, (_, i) => 33 + ((i * 31) % 90)));

const ways: Record<string, Omit<ProxyOptions, "target">> = {
  "nothing at all": {},
  latency: { up: { latency: 3, jitter: 3 }, down: { latency: 3, jitter: 3 } },
  "small slices": { up: { slice: 100 }, down: { slice: 97 } },
  "a narrow way": { down: { bytesPerSecond: 50_000 } },
  stalls: { up: { stall: { time: 20, every: 40 } } },
};

for (const [name, options] of Object.entries(ways))
  test(`with ${name} every byte arrives, in order, and then the end`, async () => {
    const { url, counters } = await proxied(startMirror(), options);
    const client = await connectRaw(url);
    const sent = noise(5000);
    client.write(sent);
    client.finish();
    await client.untilClosed();
    expect(client.text()).toBe(sent.toString());
    expect(counters).toMatchObject({ connections: 1, up: 5000, down: 5000, resets: 0 });
  });

test("ten megabytes pass a reader who is slower than the writer", async () => {
  const { url, counters } = await proxied(startMirror());
  const client = await connectRaw(url);
  const sent = noise(10_000_000);
  await client.send(sent);
  client.finish();
  await client.untilClosed();
  expect(client.text() === sent.toString()).toBe(true);
  expect(counters).toMatchObject({ up: 10_000_000, down: 10_000_000 });
});

test("a reset comes behind exactly so many bytes", async () => {
  let received = 0;
  let reset = false;
  const server = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      data(_, chunk) {
        received += chunk.length;
      },
      close(_, error) {
        reset = error !== undefined;
      },
      error() {},
    },
  });
  ends.push(() => server.stop(true));
  const { url, counters } = await proxied(`tcp://127.0.0.1:${server.port}`, {
    up: { resetAfter: 1234, slice: 100 },
  });
  const client = await connectRaw(url);
  client.write(noise(5000));
  await client.untilClosed();
  await eventually(() => reset, "the reset");
  expect({ received, counters }).toMatchObject({ received: 1234, counters: { up: 1234, resets: 1 } });
});

test("a server that cannot be reached closes the connection", async () => {
  const closed = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  closed.stop(true);
  const { url, counters } = await proxied(`tcp://127.0.0.1:${closed.port}`);
  const client = await connectRaw(url);
  await client.untilClosed();
  expect(counters.unreachable).toBe(1);
});

test("of datagrams each is passed, lost, doubled or held back, and all are counted", async () => {
  const came: string[] = [];
  const server = await Bun.udpSocket({
    hostname: "127.0.0.1",
    socket: {
      data(socket, bytes: Buffer, port, address) {
        came.push(bytes.toString());
        socket.send(`re ${bytes}`, port, address);
      },
      error() {},
    },
  });
  const { url, counters } = await proxied(`udp://127.0.0.1:${server.port}`, {
    up: { loss: 0.2, duplicate: 0.2, reorder: 0.2 },
  });
  const back: string[] = [];
  const client = await Bun.udpSocket({
    hostname: "127.0.0.1",
    connect: { hostname: "127.0.0.1", port: Number(new URL(url.replace("udp", "http")).port) },
    socket: { data: (_, bytes: Buffer) => void back.push(bytes.toString()), error() {} },
  });
  ends.push(
    () => server.close(),
    () => client.close(),
  );
  const SENT = 400;
  for (let i = 0; i < SENT; i++) {
    client.send(`message ${i}`);
    if (i % 20 === 19) await Bun.sleep(1);
  }
  const passed = () => SENT - counters.lost + counters.duplicated;
  await eventually(() => came.length === passed() && came.length > SENT / 2, "all that is not lost");
  await eventually(() => back.length === came.length, "all replies");
  expect(new Set(came).size).toBe(SENT - counters.lost);
  expect(counters.dropped).toBe(0);
  for (const kind of ["lost", "duplicated", "reordered"] as const)
    expect(counters[kind], kind).toBeWithin(SENT * 0.1, SENT * 0.3);
  const numbers = came.map((text) => Number(text.split(" ")[1]));
  expect(numbers.some((number, i) => i > 0 && number < numbers[i - 1])).toBe(true);
  expect(back).toEqual(came.map((text) => `re ${text}`));
});

test("what waits goes on in the order of its times", async () => {
  const lane = createLane();
  const gone: number[] = [];
  const now = performance.now();
  const done = Promise.withResolvers<void>();
  for (const after of [4, 1.5, 3, 0.2, 3]) lane.push(now + after, () => gone.push(after));
  lane.push(now + 5, done.resolve);
  await done.promise;
  expect(gone).toEqual([0.2, 1.5, 3, 3, 4]);
});
