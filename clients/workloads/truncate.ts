/**
 * The truncate workload: what becomes of datagrams of each size, through a relay and at a receiver with a
 * small buffer, and where the exact boundary is.
 */
import { addressText } from "../../platform/address.ts";
import { openSmallReceiver } from "../../platform/small-receiver.ts";
import { udpPlace } from "../../platform/udp-source.ts";
import { capabilityOf } from "../../protocols/index.ts";
import type { Room } from "../../protocols/protocol.ts";
import { type Endpoint, plannedEndpoint } from "../endpoint.ts";
import type { Exchange } from "../exchange.ts";
import { Unreachable } from "../unreachable.ts";

export type TruncatePlan = {
  workload: "truncate";
  target: string;
  /** A room over UDP. */
  protocol: string;
  sizes: number[];
  /** The receiver's buffer for the part without a relay. */
  smallBufferBytes: number;
};

export type Outcome =
  | "whole"
  | "truncated silently"
  | "truncated and told"
  | "dropped silently"
  | "dropped and told"
  | "refused by the system"
  /** An empty datagram that was not relayed: registering is all that it is for. */
  | "registers only"
  | "corrupt";

/** What became of a datagram: bytes that arrived, and what the sender was told. */
export type Fate = { bytes: number; outcome: Outcome; arrived: number; told?: string };

export type Path = {
  path: "relay" | "small buffer";
  fates: Fate[];
  /** The largest size that arrived whole; undefined when none did. */
  boundary?: number;
  /** What becomes of one byte more. */
  beyond?: Outcome;
};

export type TruncateReport = { workload: "truncate"; paths: Path[]; smallBufferBytes: number };

const WAIT_MS = 150;
const TRIES = 3;
const REGISTER_TRIES = 20;

export async function runTruncate(plan: TruncatePlan, exchange: Exchange): Promise<TruncateReport> {
  const target = plannedEndpoint(plan);
  await exchange.ready({ prefixes: [] });
  const room = capabilityOf(plan.protocol, "room");
  const relay = await openReceiver(target);
  const paths: Path[] = [];
  try {
    await register(target, relay);
    paths.push(
      await findFates("relay", plan.sizes, (bytes) => throughRelay(target, room(bytes), relay, bytes)),
    );
  } finally {
    relay.close();
  }
  exchange.progress({ sent: paths.length, delivered: paths.length });
  const small = openSmallReceiver(plan.smallBufferBytes);
  if (small) {
    try {
      paths.push(await findFates("small buffer", plan.sizes, (bytes) => toSmallBuffer(small, bytes)));
    } finally {
      small.close();
    }
  }
  return { workload: "truncate", paths, smallBufferBytes: plan.smallBufferBytes };
}

/** Letters that depend on their place, so that a piece of them shows where it was cut. */
const payloadOf = (bytes: number) => Uint8Array.from({ length: bytes }, (_, i) => 97 + ((i + (i >> 8)) % 26));

async function findFates(
  path: Path["path"],
  sizes: number[],
  send: (bytes: number) => Promise<Fate>,
): Promise<Path> {
  const fates: Fate[] = [];
  for (const bytes of sizes) fates.push(await send(bytes));
  const whole = fates.filter(({ outcome, bytes }) => outcome === "whole" && bytes > 0);
  if (whole.length === 0) return { path, fates };
  let low = Math.max(...whole.map(({ bytes }) => bytes));
  let beyond = fates
    .filter(({ bytes, outcome }) => bytes > low && outcome !== "whole")
    .sort((a, b) => a.bytes - b.bytes)[0];
  while (beyond && beyond.bytes - low > 1) {
    const fate = await send(Math.floor((low + beyond.bytes) / 2));
    if (fate.outcome === "whole") low = fate.bytes;
    else beyond = fate;
  }
  return { path, fates, boundary: low, ...(beyond ? { beyond: beyond.outcome } : {}) };
}

type Receiver = {
  datagrams: Uint8Array[];
  send: (bytes: Uint8Array) => void;
  ip: string;
  port: number;
  close: () => void;
};

/** A client of the relay; each datagram that comes is kept. Refusals are left to the time bound of the caller. */
async function openReceiver(target: Endpoint): Promise<Receiver> {
  const datagrams: Uint8Array[] = [];
  const { local, peer } = await udpPlace(target.hostname, target.port);
  const socket = await Bun.udpSocket({
    hostname: local,
    connect: { hostname: peer, port: target.port },
    socket: { data: (_, bytes) => void datagrams.push(bytes), error: () => {} },
  });
  return {
    datagrams,
    send: (bytes) => void socket.send(bytes),
    ip: socket.address.address,
    port: socket.port,
    close: () => socket.close(),
  };
}

async function waitUntil(done: () => boolean, milliseconds: number): Promise<boolean> {
  for (const deadline = performance.now() + milliseconds; !done() && performance.now() < deadline; )
    await Bun.sleep(1);
  return done();
}

/** The receiver is registered once it hears another client. */
async function register(target: Endpoint, receiver: Receiver): Promise<void> {
  for (let i = 0; i < REGISTER_TRIES; i++) {
    const sender = await openReceiver(target);
    try {
      receiver.send(payloadOf(1));
      sender.send(payloadOf(1));
      if (await waitUntil(() => receiver.datagrams.length > 0, 250)) return;
    } catch {
      // Refused: nobody listens, or not yet.
    } finally {
      sender.close();
    }
  }
  throw new Unreachable(`${target.url} relayed nothing within 5 s`);
}

/** One datagram through the relay, from a client of its own: notices may be limited to one a second for each. */
async function throughRelay(target: Endpoint, room: Room, receiver: Receiver, bytes: number): Promise<Fate> {
  let fate: Fate = { bytes, outcome: "dropped silently", arrived: 0 };
  for (let i = 0; i < TRIES && fate.outcome === "dropped silently"; i++) {
    const sender = await openReceiver(target);
    try {
      fate = await oneThroughRelay(sender, room, receiver, bytes);
    } finally {
      sender.close();
    }
  }
  return fate;
}

async function oneThroughRelay(
  sender: Receiver,
  room: Room,
  receiver: Receiver,
  bytes: number,
): Promise<Fate> {
  const payload = payloadOf(bytes);
  const prefix = room.deliveryPrefix({ address: addressText(sender.ip, sender.port), id: 0 });
  const relayed = () => receiver.datagrams.find((datagram) => startsWith(datagram, prefix));
  receiver.datagrams.length = 0;
  try {
    sender.send(payload);
  } catch (error) {
    const told = error instanceof Error && "code" in error ? String(error.code) : String(error);
    return { bytes, outcome: "refused by the system", arrived: 0, told };
  }
  // An empty datagram registers and may be relayed as an empty one, or not at all.
  await waitUntil(
    () => relayed() !== undefined || sender.datagrams.length > 0,
    bytes === 0 ? WAIT_MS / 3 : WAIT_MS,
  );
  const told = sender.datagrams
    .map((datagram) => Buffer.from(datagram).toString("latin1"))
    .find((text) => text.length < 512);
  const datagram = relayed();
  const kept = datagram ? datagram.subarray(prefix.length) : undefined;
  if (!kept && told === undefined)
    return { bytes, outcome: bytes === 0 ? "registers only" : "dropped silently", arrived: 0 };
  if (!kept) return { bytes, outcome: "dropped and told", arrived: 0, told: told ?? "" };
  return {
    bytes,
    outcome: judge(payload, kept, told !== undefined),
    arrived: kept.length,
    ...(told ? { told } : {}),
  };
}

const startsWith = (bytes: Uint8Array, prefix: Uint8Array) =>
  Buffer.compare(bytes.subarray(0, prefix.length), prefix) === 0;

function judge(payload: Uint8Array, kept: Uint8Array, told: boolean): Outcome {
  if (Buffer.compare(payload, kept) === 0) return "whole";
  if (Buffer.compare(payload.subarray(0, kept.length), kept) !== 0) return "corrupt";
  return told ? "truncated and told" : "truncated silently";
}

/** One datagram straight to a receiver with a small buffer: the kernel tells of the cut only whoever asks. */
async function toSmallBuffer(
  receiver: NonNullable<ReturnType<typeof openSmallReceiver>>,
  bytes: number,
): Promise<Fate> {
  const payload = payloadOf(bytes);
  const sender = await Bun.udpSocket({ hostname: "127.0.0.1", socket: { error: () => {} } });
  try {
    sender.send(payload, receiver.port, "127.0.0.1");
  } catch (error) {
    const told = error instanceof Error && "code" in error ? String(error.code) : String(error);
    return { bytes, outcome: "refused by the system", arrived: 0, told };
  } finally {
    sender.close();
  }
  let got = receiver.receive();
  for (let waited = 0; !got && waited < WAIT_MS; waited++) {
    await Bun.sleep(1);
    got = receiver.receive();
  }
  if (!got) return { bytes, outcome: "dropped silently", arrived: 0 };
  const told = got.length > got.kept.length;
  return {
    bytes,
    outcome: judge(payload, got.kept, told),
    arrived: got.kept.length,
    ...(told ? { told: `MSG_TRUNC: the datagram had ${got.length} bytes` } : {}),
  };
}
