/**
 * Servers that are slower than another by a known amount, compared in rounds as `bench` compares: what the comparison says
 * must be that amount, in a closed loop and in an open one. Where the server is the limit, a slowdown shows in full in both
 * its CPU time and its rate; a room that is faster than the load generator shows it in CPU time alone.
 */
import { ownProgram } from "../../platform/own.ts";
import { program } from "../../targets/programs.ts";
import { compareServers } from "../compare/compare.ts";
import { always, either, figure, known, MS, room } from "./asking.ts";
import type { Answer, Found, Question } from "./question.ts";

const MEMBERS = 100;
const FULL = room(MEMBERS, "closed", {});
const AT_RATE = room(MEMBERS, "open", { rate: 1000 });

/** New to old, as the comparison says it. */
const change =
  (metric: string): Answer["measured"] =>
  ({ record, with: [slow], without: [plain] }: Found) =>
    slow && plain
      ? compareServers(record, plain.server, slow.server).cells[0].rows.find((row) => row.metric === metric)
          ?.change?.estimate
      : undefined;

const times = (asked: string, metric: string, ratio: number, allowed: number): Answer => ({
  ...{ asked, unit: "share", known: always(ratio), measured: change(metric), allowed: either(allowed) },
});

/** What is more in the one than in the other, by their ratio. */
const more = (metric: string): Answer["measured"] => {
  const [ratio, base] = [change(metric), figure(metric)];
  return (found) => {
    const [times, value] = [ratio(found), base(found)];
    return times === undefined || value === undefined ? undefined : value - value / times;
  };
};

const burning = (percent: number) =>
  program(`burning ${percent} %`, () => ({
    command: ownProgram("servers/mutants/chat-slow.ts", "--extra", `${percent}`),
  }));

/** Of a share of what it used; its rate shows that only as far as the load generator leaves it no time. */
export const slowedByShare = (rounds: number): Question => ({
  server: "room that burns 10 % more, closed loop",
  ...{ source: burning(10), without: burning(0), cell: FULL, samples: rounds, rounds },
  answers: [times("server CPU per delivery, times", "serverCpuPerDelivery", 1.1, 0.02)],
});

export const slowedByShareAtRate = (rounds: number): Question => ({
  server: "room that burns 10 % more, open loop",
  ...{ source: burning(110), without: burning(100), cell: AT_RATE, samples: rounds, rounds },
  answers: [times("server CPU per delivery, times", "serverCpuPerDelivery", 2.1 / 2, 0.02)],
});

const burner = (nanoseconds: number) =>
  known(`burning ${nanoseconds} ns`, "burner.ts", "--nanoseconds", `${nanoseconds}`);

/** The rate falls by as much as the CPU time rises, of a server that has no time left. */
export const slowedByTime = (rounds: number): Question => ({
  server: "room that burns 100 ns more per delivery, closed loop",
  ...{ source: burner(600), without: burner(500), cell: FULL, samples: rounds, rounds },
  answers: [
    {
      ...{ asked: "rise of server CPU per delivery", unit: "ns", known: always(100) },
      ...{ measured: more("serverCpuPerDelivery"), allowed: either(20) },
    },
    {
      ...{
        asked: "deliveries, times",
        unit: "share",
        measured: change("deliveryRate"),
        allowed: either(0.02),
      },
      known: (found) => {
        const cpu = change("serverCpuPerDelivery")(found);
        return cpu === undefined ? undefined : 1 / cpu;
      },
    },
  ],
});

export const slowedByTimeAtRate = (rounds: number): Question => ({
  server: "room that burns 1,000 ns more per delivery, open loop",
  ...{ source: burner(1000), without: burner(0), cell: AT_RATE, samples: rounds, rounds },
  answers: [
    {
      ...{ asked: "rise of server CPU per delivery", unit: "ns", known: always(1000) },
      ...{ measured: more("serverCpuPerDelivery"), allowed: either(150) },
    },
  ],
});

const tail = (microseconds: number) =>
  known(`late by ${microseconds} µs`, "slow-tail.ts", "--behind", `${microseconds}`);

/** One message in twenty comes 4.5 ms late, beside one in twenty that comes 3 ms late. */
export const slowTail = (rounds: number): Question => ({
  server: "one message in 20 late by 4.5 ms, not 3 ms",
  ...{ source: tail(4500), without: tail(3000), cell: AT_RATE, samples: rounds, rounds },
  answers: [
    {
      ...{ asked: "rise of each delivery p99", unit: "ns", known: always(1.5 * MS) },
      ...{ measured: more("delivery.p99"), allowed: either(0.3 * MS) },
    },
    {
      ...{ asked: "rise of last receiver p99", unit: "ns", known: always(1.5 * MS) },
      ...{ measured: more("last.p99"), allowed: either(0.3 * MS) },
    },
  ],
});
