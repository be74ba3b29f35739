/** What a program's threads waited for, told from what its own other threads ran meanwhile. */
import { describe, expect, test } from "bun:test";
import { foreignWaitBetween, type TreeReading, waitBetween } from "./tree-usage.ts";

const reading = (...threads: [id: number, ran: number, waited: number][]): TreeReading => ({
  processes: new Map(),
  threads: new Map(threads.map(([id, ran, waited]) => [id, { ran, waited }])),
});

describe("a wait for a CPU", () => {
  const start = reading([1, 100, 10], [2, 50, 0]);

  test("is the machine's where no other thread of the program ran", () => {
    expect(foreignWaitBetween(start, reading([1, 110, 40], [2, 50, 0]))).toBe(30);
  });

  test("is the program's own as far as its other threads ran", () => {
    const end = reading([1, 110, 40], [2, 70, 0]);
    expect(foreignWaitBetween(start, end)).toBe(10);
    expect(waitBetween(start, end)).toBe(30);
    expect(foreignWaitBetween(start, reading([1, 110, 40], [2, 90, 0]))).toBe(0);
  });

  test("is the longest of any thread, and counts of one that is new", () => {
    expect(foreignWaitBetween(start, reading([1, 100, 15], [2, 50, 7], [3, 0, 9]))).toBe(9);
  });

  test("is not known where no thread can be seen", () => {
    expect(foreignWaitBetween(start, reading())).toBeUndefined();
  });
});
