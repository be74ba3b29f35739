import { expect, test } from "bun:test";
import { now } from "../../platform/clock.ts";
import { createLater, LATE } from "./later.ts";

test("what is due later is done in the order in which it was asked for, and never too early", async () => {
  const { later, counters } = createLater();
  const done: { name: string; early: boolean }[] = [];
  const begin = now();
  const { promise, resolve } = Promise.withResolvers<void>();
  const ask = (name: string, due: number, then?: () => void) =>
    later(begin + due, () => {
      done.push({ name, early: now() < begin + due });
      then?.();
    });
  ask("a", 12e6);
  ask("b", 12e6, () => ask("e", 14e6, resolve));
  ask("c", 1e6);
  ask("d", 13e6);
  await promise;
  expect(done.map(({ name }) => name).join("")).toBe("abcde");
  expect(done.some(({ early }) => early)).toBeFalse();
  expect(counters()[LATE[50]]).toBeGreaterThanOrEqual(0);
});
