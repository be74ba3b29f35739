/** What is done to a server beside those who behave: connections that come and go, that do not read, that send garbage. */
import type { Socket } from "bun";
import { type Place, placeOf } from "../../servers/testing.ts";
import type { Going, Tally } from "./tally.ts";

const CHURN_MS = 200;
const STAY_MS = 30;
const FUZZ_MS = 200;
const STALLED = 3;
const FEED_MS = 20;
/** A stalled one that has been ended is there again after this. */
const AGAIN_MS = 500;
const MAX_GARBAGE_BYTES = 100_000;
const MAX_DATAGRAM_BYTES = 2000;

/** How one talks to a stream server: what makes a connection one of its own, and what it goes on with. */
export type Manners = { hello: Uint8Array; unit: Uint8Array };

const pick = <T>(from: readonly T[]): T => from[Math.floor(Math.random() * from.length)];
/** Most garbage is short. */
const garbage = (most: number): Buffer =>
  Buffer.from(crypto.getRandomValues(new Uint8Array(Math.floor(most ** Math.random()) % 65_536)));

/** Connects; what comes is thrown away, and no error matters. */
async function connect(place: Place, onClose = () => {}): Promise<Socket | undefined> {
  const nothing = () => {};
  return Bun.connect({
    ...(place as { hostname: string; port: number }),
    socket: { data: nothing, error: nothing, connectError: nothing, close: onClose },
  }).catch(() => undefined);
}

/** Writes as far as the kernel takes it: with garbage nothing depends on the rest. */
const write = (socket: Socket | undefined, ...parts: Uint8Array[]) =>
  void socket?.write(Buffer.concat(parts));

/** What a fuzzer sends: garbage alone, behind a good beginning, or a good unit that is cut, changed or far too long. */
const mutations: ((manners: Manners) => Uint8Array[])[] = [
  () => [garbage(MAX_GARBAGE_BYTES)],
  ({ hello }) => [hello.subarray(0, Math.random() * hello.length), garbage(1000)],
  ({ hello }) => [hello, garbage(MAX_GARBAGE_BYTES)],
  ({ hello, unit }) => [hello, unit.subarray(0, Math.random() * unit.length)],
  ({ hello, unit }) => [hello, unit.map((byte) => (Math.random() < 0.02 ? byte ^ 0xff : byte)), unit],
  ({ hello }) => [hello, Buffer.alloc(MAX_GARBAGE_BYTES, "x")],
];

export function disturbStream(url: string, manners: Manners, tally: Tally): Going {
  const place = placeOf(url);
  let going = true;
  const timers = [
    setInterval(async () => {
      const visitor = await connect(place);
      tally.churned++;
      if (Math.random() < 0.5) write(visitor, manners.hello);
      await Bun.sleep(STAY_MS);
      if (Math.random() < 0.5) visitor?.end();
      else visitor?.terminate();
    }, CHURN_MS),
    setInterval(async () => {
      const fuzzer = await connect(place);
      tally.fuzzed++;
      write(fuzzer, ...pick(mutations)(manners));
      await Bun.sleep(STAY_MS);
      if (Math.random() < 0.5) fuzzer?.shutdown();
      await Bun.sleep(STAY_MS);
      fuzzer?.terminate();
    }, FUZZ_MS),
  ];

  /** One that says much and reads nothing; the server may end it, and it comes again. */
  async function stall(): Promise<void> {
    const deaf = await connect(place, () => going && setTimeout(stall, AGAIN_MS));
    if (!deaf) return;
    tally.stalled++;
    write(deaf, manners.hello);
    deaf.pause();
    const timer = setInterval(() => {
      if (!going) deaf.terminate();
      if (!going || deaf.readyState !== 1) clearInterval(timer);
      else write(deaf, manners.unit);
    }, FEED_MS);
  }
  for (let i = 0; i < STALLED; i++) stall();

  return {
    async stop() {
      going = false;
      for (const timer of timers) clearInterval(timer);
      await Bun.sleep(4 * STAY_MS);
    },
  };
}

/** Addresses that send one datagram and have gone when the answers come, and garbage of all sizes. */
export async function disturbDatagrams(url: string, unit: Uint8Array, tally: Tally): Promise<Going> {
  const { hostname, port } = placeOf(url);
  const open = () => Bun.udpSocket({ hostname: "127.0.0.1", port: 0, socket: { data() {}, error() {} } });
  const send = (socket: Awaited<ReturnType<typeof open>>, bytes: Uint8Array) => {
    try {
      socket.send(bytes, port, hostname);
    } catch {} // refused, as it may be by a server that has gone
  };
  const fuzzer = await open();
  const timers = [
    setInterval(async () => {
      const visitor = await open();
      tally.churned++;
      send(visitor, unit);
      visitor.close();
    }, CHURN_MS),
    setInterval(() => {
      tally.fuzzed++;
      send(fuzzer, pick([garbage(MAX_DATAGRAM_BYTES), unit.subarray(0, Math.random() * unit.length)]));
    }, FUZZ_MS),
  ];
  return {
    async stop() {
      for (const timer of timers) clearInterval(timer);
      fuzzer.close();
    },
  };
}
