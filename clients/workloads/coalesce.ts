/**
 * The coalesce workload: how messages map to writes, writes to segments, and segments to reads. Directly
 * between two sockets of this process, and through a chat server; with small gaps and without, with
 * TCP_NODELAY on and off, with the loopback's MSS and with that of an Ethernet.
 */
import type { Socket } from "bun";
import { addressText } from "../../platform/address.ts";
import { createOutbox, flush, pending, send } from "../../platform/outbox.ts";
import { fdOf, getOption, tcpInfo } from "../../platform/socket-options.ts";
import { connectWithMss } from "../../platform/tcp-connect.ts";
import { capabilityOf } from "../../protocols/index.ts";
import { dial } from "../dial.ts";
import { type Endpoint, parseEndpoint, plannedEndpoint } from "../endpoint.ts";
import type { Exchange } from "../exchange.ts";
import { createHistogram } from "../histogram.ts";
import { connectReason } from "../members.ts";
import { Unreachable } from "../unreachable.ts";

export type CoalescePlan = {
  workload: "coalesce";
  target: string;
  protocol: string;
  payloads: number[];
  bursts: number[];
  gapsMilliseconds: number[];
  /** Messages in each cell; a cell ends earlier when it has had `maxBursts`. */
  messages: number;
  maxBursts: number;
};

/** One combination, and what was seen. Message counts are of whole messages; sizes in bytes. */
export type Cell = {
  path: "direct" | "through chat";
  payload: number;
  burst: number;
  gapMilliseconds: number;
  noDelay: boolean;
  /** As read back from TCP_INFO; undefined where it cannot be read. */
  mss: number | undefined;
  ethernetMss: boolean;
  messages: number;
  writes: number;
  /** Data segments that left the sender, and that reached the receiver. */
  segmentsOut: number | undefined;
  segmentsIn: number | undefined;
  reads: number;
  /** Messages that ended in a read. */
  perRead: { p50: number; p99: number; most: number };
  /** How many reads brought so many messages to their end: index is the number, the last one stands for more. */
  histogram: number[];
  /** Whole messages that came. */
  arrived: number;
  /** Messages cut in two by the end of a read. */
  cut: number;
};

export type CoalesceReport = { workload: "coalesce"; cells: Cell[] };

/** With 12 bytes of timestamps in each segment this leaves 1,448 for data, as on Ethernet. */
const ETHERNET_MSS = 1460;
/** What has not come when nothing has for so long is missing. */
const QUIET_MS = 400;
/** A server that loses messages in so many cells has shown what there is to see. */
const MAX_SHORT_CELLS = 3;
const HISTOGRAM_SIZE = 129;

export async function runCoalesce(plan: CoalescePlan, exchange: Exchange): Promise<CoalesceReport> {
  const target = plannedEndpoint(plan);
  await exchange.ready({ prefixes: [] });
  const cells: Cell[] = [];
  for (const ethernetMss of [false, true])
    for (const noDelay of [true, false])
      for (const open of [openDirect, openThroughChat]) {
        const pair = await open(target, plan, ethernetMss, noDelay);
        try {
          for (const payload of plan.payloads)
            for (const burst of plan.bursts)
              for (const gap of plan.gapsMilliseconds) {
                if (cells.filter(({ arrived, messages }) => arrived < messages).length >= MAX_SHORT_CELLS)
                  return { workload: "coalesce", cells };
                cells.push(await runCell(pair, plan, payload, burst, gap));
                exchange.progress({ sent: cells.length, delivered: cells.length });
              }
        } finally {
          pair.close();
        }
      }
  return { workload: "coalesce", cells };
}

/** A sender and a receiver, and what a message of so many bytes is when it arrives. */
type Pair = {
  path: Cell["path"];
  ethernetMss: boolean;
  noDelay: boolean;
  write: (bytes: Uint8Array) => void;
  /** Bytes that the client still holds. */
  held: () => number;
  senderFd: () => number | undefined;
  receiverFd: () => number | undefined;
  /** Bytes around a message when it arrives. */
  overhead: number;
  reads: number[];
  close: () => void;
};

type Handlers = { data?: (chunk: Uint8Array) => void; open?: () => void };

/** Connects with the wanted MSS; the socket's writes go through an outbox, so that none is lost. */
async function connect(target: Endpoint, ethernetMss: boolean, noDelay: boolean, { data }: Handlers) {
  const outbox = createOutbox(64 * 1_048_576);
  const handlers = {
    data: (_: Socket, chunk: Uint8Array) => data?.(chunk),
    drain: (socket: Socket) => flush(outbox, socket),
    connectError: () => {},
  };
  const fd =
    ethernetMss && !target.tls ? connectWithMss(target.hostname, target.port, ETHERNET_MSS) : undefined;
  let socket: Socket;
  try {
    socket = await (fd === undefined ? dial(target, handlers) : connectFd(fd, handlers));
  } catch (error) {
    throw new Unreachable(connectReason(target, error));
  }
  socket.setNoDelay(noDelay);
  return { socket, outbox, write: (bytes: Uint8Array) => void send(outbox, socket, bytes) };
}

/** Bun 1.4.5 takes a connected descriptor; its types know only names. */
function connectFd(fd: number, handlers: object): Promise<Socket> {
  const connectAny = Bun.connect as unknown as (options: { fd: number; socket: object }) => Promise<Socket>;
  return connectAny({ fd, socket: handlers });
}

async function openDirect(
  _: Endpoint,
  __: CoalescePlan,
  ethernetMss: boolean,
  noDelay: boolean,
): Promise<Pair> {
  const reads: number[] = [];
  let receiver: Socket | undefined;
  const listener = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      open(socket) {
        receiver = socket;
      },
      data: (_, chunk) => void reads.push(chunk.length),
    },
  });
  const here = parseEndpoint(`tcp://127.0.0.1:${listener.port}`)!;
  const { socket, outbox, write } = await connect(here, ethernetMss, noDelay, {});
  for (let i = 0; !receiver && i < 1000; i++) await Bun.sleep(1);
  return {
    path: "direct",
    ethernetMss,
    noDelay,
    write,
    held: () => pending(outbox),
    senderFd: () => fdOf(socket),
    receiverFd: () => receiver && fdOf(receiver),
    overhead: 0,
    reads,
    close() {
      socket.end();
      listener.stop(true);
    },
  };
}

async function openThroughChat(
  target: Endpoint,
  plan: CoalescePlan,
  ethernetMss: boolean,
  noDelay: boolean,
): Promise<Pair> {
  const dialect = capabilityOf(plan.protocol, "dialect");
  const reads: number[] = [];
  const receiver = await connect(target, ethernetMss, true, {
    data: (chunk) => void reads.push(chunk.length),
  });
  const { socket, outbox, write } = await connect(target, ethernetMss, noDelay, {});
  await hear(target, write, reads);
  const who = { id: 0, address: addressText(socket.localAddress, socket.localPort) };
  return {
    path: "through chat",
    ethernetMss,
    noDelay,
    write,
    held: () => pending(outbox),
    senderFd: () => fdOf(socket),
    receiverFd: () => fdOf(receiver.socket),
    overhead: dialect.prefix(who).length + dialect.suffix.length - 1,
    reads,
    close() {
      socket.end();
      receiver.socket.end();
    },
  };
}

/** Both are members of the room once the receiver hears the sender and nothing more is on its way. */
async function hear(target: Endpoint, write: (bytes: Uint8Array) => void, reads: number[]): Promise<void> {
  const hello = Buffer.from("hello\n");
  for (let tries = 0; tries < 25; tries++) {
    write(hello);
    for (let i = 0; i < 40 && reads.length === 0; i++) await Bun.sleep(5);
    if (reads.length === 0) continue;
    for (let quiet = 0; quiet < 4; quiet++) {
      if (reads.length > 0) quiet = 0;
      reads.length = 0;
      await Bun.sleep(10);
    }
    return;
  }
  throw new Unreachable(`${target.url} took 2 members, but one did not hear the other within 5 s`);
}

async function runCell(
  pair: Pair,
  plan: CoalescePlan,
  payload: number,
  burst: number,
  gap: number,
): Promise<Cell> {
  const bursts = Math.max(1, Math.min(plan.maxBursts, Math.floor(plan.messages / burst)));
  const messages = bursts * burst;
  const line = new Uint8Array(payload).fill(120);
  line[payload - 1] = 10;
  const unit = payload + pair.overhead;
  pair.reads.length = 0;
  const before = [tcpInfo(pair.senderFd()), tcpInfo(pair.receiverFd())];
  for (let i = 0; i < bursts; i++) {
    for (let j = 0; j < burst; j++) pair.write(line);
    if (gap > 0) await Bun.sleep(gap);
    else await new Promise((resolve) => setImmediate(resolve));
  }
  let deadline = performance.now() + QUIET_MS;
  let bytes = 0;
  for (let counted = 0; bytes < messages * unit && performance.now() < deadline; ) {
    if (counted < pair.reads.length) deadline = performance.now() + QUIET_MS;
    for (; counted < pair.reads.length; counted++) bytes += pair.reads[counted];
    if (bytes < messages * unit) await Bun.sleep(1);
  }
  const after = [tcpInfo(pair.senderFd()), tcpInfo(pair.receiverFd())];
  return {
    path: pair.path,
    payload,
    burst,
    gapMilliseconds: gap,
    noDelay:
      getOption(pair.senderFd(), "TCP_NODELAY") !== undefined
        ? getOption(pair.senderFd(), "TCP_NODELAY") !== 0
        : pair.noDelay,
    mss: after[0]?.sendMss,
    ethernetMss: pair.ethernetMss,
    messages,
    writes: messages,
    segmentsOut: after[0] && before[0] && after[0].dataSegmentsOut - before[0].dataSegmentsOut,
    segmentsIn: after[1] && before[1] && after[1].dataSegmentsIn - before[1].dataSegmentsIn,
    ...mapReads(pair.reads, unit),
  };
}

/** Where messages of `unit` bytes end in a stream that came in these reads. */
function mapReads(
  reads: number[],
  unit: number,
): Pick<Cell, "reads" | "perRead" | "histogram" | "arrived" | "cut"> {
  const counts = createHistogram();
  const histogram: number[] = [];
  let position = 0;
  let cut = 0;
  for (const length of reads) {
    const ended = Math.floor((position + length) / unit) - Math.floor(position / unit);
    position += length;
    if (position % unit !== 0) cut++;
    counts.recordValue(ended);
    const bucket = Math.min(ended, HISTOGRAM_SIZE - 1);
    while (histogram.length <= bucket) histogram.push(0);
    histogram[bucket]++;
  }
  const at = (p: number) => (reads.length === 0 ? 0 : counts.getValueAtPercentile(p));
  return {
    reads: reads.length,
    perRead: { p50: at(50), p99: at(99), most: at(100) },
    histogram,
    arrived: Math.floor(position / unit),
    cut,
  };
}
