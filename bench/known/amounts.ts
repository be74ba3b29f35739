/** Servers that do, use, keep, lose or cut a known amount: what rates, CPU time, memory and counts must be. */
import { LOST } from "../../servers/known/loser.ts";
import { capacity } from "../capacity/capacity.ts";
import { countOf } from "../record/cells.ts";
import { whole } from "../record/units.ts";
import { idle } from "../scenarios/idle.ts";
import { truncate } from "../scenarios/truncate.ts";
import { always, bench, either, figure, known, ROOM, rise, room, type Size } from "./asking.ts";
import type { Found, Question } from "./question.ts";

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
