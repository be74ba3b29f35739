/**
 * The servers whose answers are known (servers/known/), what is asked of each, and how far off the answer may be. The
 * bounds are those of docs/known.md: what was seen in repeated runs, and some more.
 */
import { join } from "node:path";
import { LATE } from "../../servers/known/later.ts";
import { LOST } from "../../servers/known/loser.ts";
import { onThisBun, program } from "../../targets/programs.ts";
import type { ServerSource } from "../../targets/server.ts";
import { capacity } from "../capacity/capacity.ts";
import { countOf, medianOf } from "../record/cells.ts";
import { whole } from "../record/units.ts";
import { roomCell } from "../scenarios/fanout.ts";
import { idle } from "../scenarios/idle.ts";
import type { BenchOptions, Cell } from "../scenarios/scenario.ts";
import { sumCell } from "../scenarios/sum.ts";
import { truncate } from "../scenarios/truncate.ts";
import type { Answer, Found, Question } from "./question.ts";

const MS = 1e6;
const ROOM = "chat/bracket";
const bench: BenchOptions = { quick: false, seed: 1, exhaustive: false };

/** A program of servers/known/. */
const known = (name: string, file: string, ...flags: string[]): ServerSource =>
  program(name, () => onThisBun(join(import.meta.dir, "../../servers/known", file), ...flags));

/** How long, at what rate, in what room: a whole table of them in two minutes, less for tests. */
export type Size = { seconds: number; samples: number };

const room = (connections: number, loop: "open" | "closed", options: Partial<BenchOptions>): Cell =>
  roomCell(ROOM, connections, loop, { ...bench, warmup: 0.5, ...options });

/** The median over the valid samples. */
const figure =
  (metric: string): Answer["measured"] =>
  (found) =>
    medianOf(found.with, metric);

/** By how much it is more than that of the same server without. */
const rise =
  (metric: string): Answer["measured"] =>
  (found) => {
    const [more, less] = [medianOf(found.with, metric), medianOf(found.without, metric)];
    return more === undefined || less === undefined ? undefined : more - less;
  };

const always =
  <T>(value: T) =>
  () =>
    value;
const either = (way: number) => always({ below: way, above: way });

/**
 * A latency is what is known, what the server takes anyway (the median of the same server without, in the same run), and what
 * the server says itself that its waits were late by; and half a millisecond. Histograms have three digits.
 */
const floor = (metric: string, expected: number) => (found: Found) => ({
  below: expected * 0.002,
  above: (medianOf(found.without, metric) ?? 0) + lateness(found, 50) + 0.5 * MS,
});
const lateness = ({ with: samples }: Found, p: keyof typeof LATE) =>
  1000 * Math.max(0, ...samples.map(({ serverCounters }) => serverCounters?.[LATE[p]] ?? 0));

export function delayLine(delayMs: number, { seconds, samples }: Size): Question {
  return {
    server: `delay line of ${delayMs} ms`,
    source: known("delayed", "delay.ts", "--delay", `${delayMs}`),
    without: known("not delayed", "delay.ts"),
    cell: room(5, "open", { rate: 200, duration: seconds }),
    samples,
    answers: [
      {
        asked: "each delivery p50",
        unit: "ns",
        known: always(delayMs * MS),
        measured: figure("delivery.p50"),
        allowed: floor("delivery.p50", delayMs * MS),
      },
    ],
  };
}

/**
 * Below: a step of the load, 1 ms, and one of the histogram. Above: what the server was late by at the ends of its stalls,
 * of which a fifth of the messages knows, and 2 ms for all that it then has to deliver at once.
 */
const STALL_MS = 200;
const stalled = (p: number): Answer => {
  const expected = (STALL_MS * (p - (100 - STALL_MS / 10))) / (STALL_MS / 10);
  return {
    asked: `each delivery p${p}`,
    unit: "ns",
    known: always(expected * MS),
    measured: figure(`delivery.p${p}`),
    allowed: (found) => ({ below: 1.2 * MS, above: 2 * MS + lateness(found, 90) }),
  };
};

export function stall({ seconds, samples }: Size): Question {
  return {
    server: `stall of ${STALL_MS} ms in each second`,
    source: known("stalling", "delay.ts", "--stall", `${STALL_MS}`),
    cell: room(5, "open", { rate: 1000, duration: Math.ceil(seconds) }),
    samples,
    answers: [stalled(90), stalled(99)],
  };
}

export function sumDelay(delayMs: number, { seconds, samples }: Size): Question {
  const protocol = "sum/tcp";
  return {
    server: `sums delayed by ${delayMs} ms`,
    source: known("delayed", "delay.ts", "--protocol", protocol, "--delay", `${delayMs}`),
    without: known("not delayed", "delay.ts", "--protocol", protocol),
    cell: sumCell(
      protocol,
      { loop: "closed", depth: 1 },
      { ...bench, connections: 10, warmup: 0.3, duration: seconds },
    ),
    samples,
    answers: [
      {
        asked: "round trip p50",
        unit: "ns",
        known: always(delayMs * MS),
        measured: figure("roundTrip.p50"),
        allowed: floor("roundTrip.p50", delayMs * MS),
      },
    ],
  };
}

/** In a room of eleven a message is ten deliveries. */
const OTHERS = 10;

export function throttle(deliveries: number, { seconds, samples }: Size): Question {
  return {
    server: `throttle, ${whole(deliveries)} deliveries/s`,
    source: known("throttled", "chat.ts", "--deliveries", `${deliveries}`),
    cell: room(OTHERS + 1, "closed", { duration: seconds, warmup: 1 }),
    samples,
    answers: [
      {
        asked: "closed loop's deliveries",
        unit: "/s",
        known: always(deliveries),
        measured: figure("deliveryRate"),
        allowed: either(deliveries * 0.01),
      },
    ],
  };
}

/** The search ends when its bounds are within 8 %, and its answer is the lower one. */
export function throttledCapacity(deliveries: number): Question {
  const source = known("throttled", "chat.ts", "--deliveries", `${deliveries}`);
  const rate = deliveries / OTHERS;
  return {
    server: `throttle, ${whole(deliveries)} deliveries/s`,
    source,
    samples: 1,
    ask: () =>
      capacity({
        source,
        protocol: ROOM,
        objective: "p99<50ms,loss=0",
        grow: "rate",
        bench: { ...bench, connections: OTHERS + 1 },
        command: ["known"],
        interrupted: new Promise(() => {}),
      }),
    answers: [
      {
        asked: "capacity",
        unit: "/s",
        known: always(rate),
        measured: ({ record }) => record.capacity?.answer?.value,
        allowed: always({ below: rate * 0.1, above: rate * 0.04 }),
      },
    ],
  };
}

/**
 * One sender: what it has in flight comes in one read and goes out by one write a member, with the burn and without. With
 * several senders a slower server finds more of them waiting, and has fewer writes for each delivery.
 */
export function burner(nanoseconds: number, { seconds, samples }: Size): Question {
  return {
    server: `burner of ${nanoseconds} ns per delivery`,
    source: known("burning", "burner.ts", "--nanoseconds", `${nanoseconds}`),
    without: known("not burning", "burner.ts", "--nanoseconds", "0"),
    cell: room(100, "closed", { senders: 1, window: 64, duration: seconds }),
    samples,
    answers: [
      {
        asked: "rise of server CPU per delivery",
        unit: "ns",
        known: always(nanoseconds),
        measured: rise("serverCpuPerDelivery"),
        allowed: either(nanoseconds * 0.1),
      },
    ],
  };
}

const dropped = ({ taken }: Found) =>
  taken.reduce((sum, { serverCounters }) => sum + (serverCounters?.[LOST] ?? 0), 0);

export function loser(oneIn: number, { seconds, samples }: Size): Question {
  return {
    server: `loser of 1 delivery in ${oneIn}`,
    source: known("losing", "loser.ts", "--one-in", `${oneIn}`),
    cell: room(20, "open", { rate: 1000, duration: seconds }),
    samples,
    answers: [
      {
        asked: "lost, by the server's own count",
        unit: "count",
        known: dropped,
        measured: ({ taken }) => countOf(taken, "lost"),
        counted: true,
        allowed: "exactly",
      },
      {
        asked: "share lost",
        unit: "share",
        known: always(1 / oneIn),
        measured: ({ taken }) => countOf(taken, "lost") / countOf(taken, "expected"),
        counted: true,
        // Four standard deviations of a binomial: once in 16,000 runs by luck.
        allowed: ({ taken }) => {
          const four = 4 * Math.sqrt(((1 / oneIn) * (1 - 1 / oneIn)) / countOf(taken, "expected"));
          return { below: four, above: four };
        },
      },
    ],
  };
}

export function hoarder(kibibytes: number, connections: number, { samples }: Size): Question {
  return {
    server: `hoarder of ${kibibytes} KiB per connection`,
    source: known("hoarding", "hoarder.ts", "--kibibytes", `${kibibytes}`),
    without: known("not hoarding", "hoarder.ts", "--kibibytes", "0"),
    cell: idle.cells({ ...bench, connections, protocol: ROOM })[0],
    samples,
    answers: [
      {
        asked: "rise of memory per connection",
        unit: "bytes",
        known: always(kibibytes * 1024),
        measured: rise("serverMemoryPerConnection"),
        allowed: either(2048),
      },
    ],
  };
}

export function slowLast(behindMs: number, { seconds, samples }: Size): Question {
  const late = (metric: string, asked: string): Answer => ({
    asked,
    unit: "ns",
    known: always(behindMs * MS),
    measured: figure(metric),
    allowed: floor(metric, behindMs * MS),
  });
  return {
    server: `last receiver ${behindMs} ms behind`,
    source: known("slow to the last", "slow-last.ts", "--behind", `${behindMs}`),
    without: known("slow to nobody", "slow-last.ts", "--behind", "0"),
    cell: room(10, "open", { rate: 200, duration: seconds }),
    samples,
    answers: [
      late("spread.p50", "first to last receiver p50"),
      late("last.p50", "last receiver p50"),
      {
        asked: "first receiver p50, beside that without",
        unit: "ns",
        known: ({ without }) => medianOf(without, "first.p50"),
        measured: figure("first.p50"),
        allowed: either(0.5 * MS),
      },
    ],
  };
}

export function cutter(bytes: number): Question {
  return {
    server: `relay that cuts at ${bytes} bytes`,
    source: known(`cutting at ${bytes}`, "cutter.ts", "--bytes", `${bytes}`),
    cell: truncate.cells(bench)[0],
    samples: 1,
    answers: [
      {
        asked: "truncates silently at",
        unit: "count",
        known: always(bytes),
        measured({ taken: [sample] }) {
          const { detail } = sample ?? {};
          const path = detail?.scenario === "truncate" ? detail.paths[0] : undefined;
          return path?.beyond === "truncated silently" ? path.boundary : undefined;
        },
        counted: true,
        allowed: "exactly",
      },
    ],
  };
}

const three: Size = { seconds: 2, samples: 3 };

/** By the names that the command takes. */
export const questions: Readonly<Record<string, () => readonly Question[]>> = {
  delay: () => [delayLine(20, three)],
  stall: () => [stall(three)],
  sum: () => [sumDelay(10, { seconds: 1.2, samples: 3 })],
  throttle: () => [throttle(20_000, three), throttledCapacity(23_000)],
  burner: () => [burner(500, { seconds: 0.8, samples: 6 })],
  loser: () => [loser(50, { seconds: 1, samples: 1 })],
  hoarder: () => [hoarder(64, 1000, three)],
  last: () => [slowLast(30, three)],
  truncate: () => [cutter(777), cutter(5000)],
};
