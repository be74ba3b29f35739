import { expect, test } from "bun:test";
import { now } from "../platform/clock.ts";
import { pace } from "./pacer.ts";

const schedule = (count: number, interval: number) => ({
  start: now() + 1e6,
  interval,
  count,
  mine: () => true,
  onLag: () => {},
});

test("every message is offered once, in order, at or after its time", async () => {
  const offered: number[] = [];
  const early: number[] = [];
  const result = await pace(
    {
      ...schedule(300, 20_000),
      send(k, intended) {
        if (now() < intended) early.push(k);
        offered.push(k);
        return true;
      },
    },
    () => false,
  );
  expect(offered).toEqual(Array.from({ length: 300 }, (_, k) => k));
  expect(early).toEqual([]);
  expect(result.offered).toBe(300);
  expect(result.asked).toBeCloseTo(50_000, 0);
});

test("a stall is caught up with, and shows in the lag of every message that it delayed", async () => {
  const lags: number[] = [];
  const base = schedule(200, 100_000);
  await pace(
    {
      ...base,
      send(k) {
        // 50 ms in which 500 messages fall due: only what is left of the 200 can be late.
        if (k === 100) for (const until = now() + 50e6; now() < until; );
        return true;
      },
      onLag: (lag) => void lags.push(lag),
    },
    () => false,
  );
  expect(lags.length).toBe(200);
  expect(lags.slice(101).filter((lag) => lag > 30e6).length).toBeGreaterThanOrEqual(50);
});

test("each fleet offers its own messages only", async () => {
  const offered: number[] = [];
  const result = await pace(
    { ...schedule(10, 1000), mine: (k) => k % 3 === 1, send: (k) => offered.push(k) > 0 },
    () => false,
  );
  expect(offered).toEqual([1, 4, 7]);
  // All that is due goes out in one turn, so that a late turn may send a few more.
  expect(result.offered).toBeGreaterThanOrEqual(3);
  expect(result.offered).toBeLessThan(1000);
});

test("it stops when the connection can take no more, and says how far it came", async () => {
  const result = await pace({ ...schedule(1000, 1000), send: (k) => k < 5 }, () => false);
  expect(result.offered).toBe(5);
  expect(result.achieved).toBeLessThan(result.asked / 100);
});

test("it stops when told to", async () => {
  let sent = 0;
  const result = await pace({ ...schedule(1_000_000, 1_000_000), send: () => ++sent > 0 }, () => sent >= 3);
  // All that is due goes out in one turn, so that a late turn may send a few more.
  expect(result.offered).toBeGreaterThanOrEqual(3);
  expect(result.offered).toBeLessThan(1000);
});
