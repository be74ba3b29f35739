/** When what goes on, and what becomes of it: by numbers, without a socket or a clock. */
import { expect, test } from "bun:test";
import { seededRandom } from "../platform/random.ts";
import { bandwidth, latency, stall } from "./amounts.ts";
import { copiesOf, createSchedule, type Impairments, none, pieceBytes } from "./impairments.ts";

const scheduleOf = (way: Partial<Impairments>, ordered = true) =>
  createSchedule({ ...none, ...way }, seededRandom(1), 0, ordered);

test("a latency is added to each, and jitter lies around it", () => {
  expect([0, 5].map((now) => scheduleOf({ latency: 20 })(now, 1))).toEqual([20, 25]);
  const jittery = scheduleOf({ latency: 20, jitter: 5 }, false);
  const dues = Array.from({ length: 1000 }, () => jittery(0, 1));
  expect(Math.min(...dues)).toBeWithin(15, 15.2);
  expect(Math.max(...dues)).toBeWithin(24.8, 25);
});

test("a stream stays in order under jitter, datagrams need not", () => {
  const isSorted = (ordered: boolean) => {
    const schedule = scheduleOf({ latency: 20, jitter: 20 }, ordered);
    const dues = Array.from({ length: 100 }, (_, i) => schedule(i / 10, 1));
    return dues.every((due, i) => i === 0 || due >= dues[i - 1]);
  };
  expect([isSorted(true), isSorted(false)]).toEqual([true, false]);
});

test("a rate holds over all pieces, and idle time is not saved up", () => {
  const schedule = scheduleOf({ bytesPerSecond: 1000 });
  expect([schedule(0, 100), schedule(0, 100), schedule(1000, 100)]).toEqual([100, 200, 1100]);
});

test("nothing passes in a stall", () => {
  const schedule = scheduleOf({ stall: { time: 200, every: 1000 } }, false);
  expect([0, 199, 200, 999, 1000, 1150].map((now) => schedule(now, 1))).toEqual([
    200, 200, 200, 999, 1200, 1200,
  ]);
});

test("pieces are as long as slice and rate allow", () => {
  expect(pieceBytes({ ...none, slice: 10 })).toBe(10);
  expect(pieceBytes({ ...none, bytesPerSecond: 1000 })).toBe(10);
  expect(pieceBytes({ ...none, bytesPerSecond: 1 })).toBe(1);
  expect(pieceBytes(none)).toBe(Number.POSITIVE_INFINITY);
});

test("shares of datagrams are lost, doubled and held back", () => {
  const random = seededRandom(7);
  const way = { ...none, loss: 0.1, duplicate: 0.2, reorder: 0.3 };
  const fates = Array.from({ length: 20_000 }, () => copiesOf(way, random));
  const share = (is: (copies: number[]) => boolean) => fates.filter(is).length / fates.length;
  expect(share(({ length }) => length === 0)).toBeCloseTo(0.1, 1);
  expect(share(({ length }) => length === 2)).toBeCloseTo(0.18, 1);
  expect(share(([first]) => first > 0)).toBeCloseTo(0.27, 1);
});

test("amounts are read with their units, and refused without", () => {
  expect(latency("20ms±5ms")).toEqual({ latency: 20, jitter: 5 });
  expect(latency("1.5s")).toEqual({ latency: 1500, jitter: 0 });
  expect(latency("300us+-100us")).toEqual({ latency: 0.3, jitter: 0.1 });
  expect(bandwidth("64KiB/s")).toBe(65_536);
  expect(bandwidth("1.5MB/s")).toBe(1_500_000);
  expect(stall("200ms/1s")).toEqual({ time: 200, every: 1000 });
  for (const wrong of ["20", "ms", "5ms±20ms", "1ms±1ms±1ms", "-1ms", "2h", "20ms "])
    expect(() => latency(wrong), wrong).toThrow();
  for (const wrong of ["64", "64KB", "0B/s", "1iB/s"]) expect(() => bandwidth(wrong), wrong).toThrow();
  for (const wrong of ["1s", "1s/1s", "0ms/1s", "1s/200ms"]) expect(() => stall(wrong), wrong).toThrow();
});
