/** Servers that wait for a known time: what latencies must be. */
import { LATE } from "../../servers/known/later.ts";
import { medianOf } from "../record/cells.ts";
import { sumCell } from "../scenarios/sum.ts";
import { always, bench, either, figure, known, MS, room, type Size } from "./asking.ts";
import type { Answer, Found, Question } from "./question.ts";

/**
 * A latency is what is known, what the server takes anyway (the median of the same server without, in the same run), and what
 * the server says itself that its waits were late by; and a millisecond. Histograms have three digits.
 */
const floor = (metric: string, expected: number) => (found: Found) => ({
  below: expected * 0.002,
  above: (medianOf(found.without, metric) ?? 0) + lateness(found, 50) + MS,
});
const lateness = ({ with: samples }: Found, p: keyof typeof LATE) =>
  1000 * Math.max(0, ...samples.map(({ serverCounters }) => serverCounters?.[LATE[p]] ?? 0));

/** A median that is a wait of so long, and what any message takes here. */
const late = (metric: string, asked: string, ms: number): Answer => ({
  asked,
  unit: "ns",
  known: always(ms * MS),
  measured: figure(metric),
  allowed: floor(metric, ms * MS),
});

export function delayLine(delayMs: number, { seconds, samples }: Size): Question {
  return {
    server: `delay line of ${delayMs} ms`,
    source: known("delayed", "delay.ts", "--delay", `${delayMs}`),
    without: known("not delayed", "delay.ts"),
    cell: room(5, "open", { rate: 200, duration: seconds }),
    samples,
    answers: [late("delivery.p50", "each delivery p50", delayMs)],
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
      { loop: "open", rate: 500 },
      { ...bench, connections: 10, warmup: 0.3, duration: seconds },
    ),
    samples,
    answers: [late("roundTrip.p50", "round trip p50", delayMs)],
  };
}

export function slowLast(behindMs: number, { seconds, samples }: Size): Question {
  return {
    server: `last receiver ${behindMs} ms behind`,
    source: known("slow to the last", "slow-last.ts", "--behind", `${behindMs}`),
    without: known("slow to nobody", "slow-last.ts", "--behind", "0"),
    cell: room(10, "open", { rate: 200, duration: seconds }),
    samples,
    answers: [
      late("spread.p50", "first to last receiver p50", behindMs),
      late("last.p50", "last receiver p50", behindMs),
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
