import { expect, test } from "bun:test";
import { createFairQueue } from "./fair-queue.ts";

type Queue = ReturnType<typeof createFairQueue<string, number>>;

/** Brings so many items, from 0 on; how many were dropped for them. */
function bring(queue: Queue, source: string, count: number): number {
  const before = queue.dropped();
  for (let i = 0; i < count; i++) queue.add(source, () => i);
  return queue.dropped() - before;
}

const takeAll = (queue: Queue) =>
  Array.from({ length: queue.size() }, () => queue.take()!).map(({ source, item }) => `${source}${item}`);

test("sources take turns, and each keeps its own order", () => {
  const queue: Queue = createFairQueue(100, 1000);
  bring(queue, "a", 4);
  bring(queue, "b", 1);
  bring(queue, "c", 2);
  expect(takeAll(queue).join(" ")).toBe("a0 b0 c0 a1 c1 a2 a3");
  expect([queue.size(), queue.take()]).toEqual([0, undefined]);
});

test("one that comes while another is served has the next turn", () => {
  const queue: Queue = createFairQueue(100, 1000);
  bring(queue, "a", 3);
  queue.take();
  bring(queue, "b", 1);
  expect(takeAll(queue).join(" ")).toBe("a1 b0 a2");
});

test("no source has more than its bound waiting", () => {
  const queue: Queue = createFairQueue(10, 1000);
  expect(bring(queue, "a", 100)).toBe(90);
  queue.take();
  expect(bring(queue, "a", 100)).toBe(99);
  expect(queue.size()).toBe(10);
});

test("at the bound for all, the one who has most waiting loses its last item", () => {
  const queue: Queue = createFairQueue(100, 10);
  bring(queue, "a", 7);
  bring(queue, "b", 3);
  expect(bring(queue, "c", 2)).toBe(2);
  expect(takeAll(queue).join(" ")).toBe("a0 b0 c0 a1 b1 c1 a2 b2 a3 a4");
});

test("however many bring all they can, the bound for all holds, and one who brings less than its share finds a place", () => {
  const queue: Queue = createFairQueue(1000, 1000);
  const greedy = () => {
    for (let source = 0; source < 50; source++) bring(queue, `greedy${source}`, 1000);
  };
  for (let round = 0; round < 20; round++) {
    greedy();
    bring(queue, "modest", 2);
    greedy();
    expect(queue.size()).toBe(1000);
    const taken = takeAll(queue);
    expect(taken.filter((item) => item.startsWith("modest"))).toEqual(["modest0", "modest1"]);
    expect(taken.filter((item) => item.startsWith("greedy49")).length).toBeGreaterThan(15);
  }
});
