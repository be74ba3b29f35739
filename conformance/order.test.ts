/** Results in the order of ids, whenever they come. */
import { expect, test } from "bun:test";
import { blank, type Case } from "./case.ts";
import { choose } from "./index.ts";
import { compareIds, inOrder } from "./order.ts";

const made = (id: string): Case => ({
  id,
  title: "",
  requirement: "",
  source: "",
  level: "MUST",
  run: async () => {},
});

test("sections and numbers are compared numerically", () => {
  const ids = ["a/1.10", "a/10.1", "a/1.4", "a/2.1", "a/1.1"];
  expect(ids.sort(compareIds)).toEqual(["a/1.1", "a/1.4", "a/1.10", "a/2.1", "a/10.1"]);
});

test("an early result waits for the ones before it; the end releases the rest", () => {
  const cases = ["a/1.1", "a/1.2", "a/1.3", "a/1.4"].map(made);
  const passed: string[] = [];
  const results = inOrder(cases, ({ id }) => passed.push(id));
  results.add(blank(cases[1]));
  expect(passed).toEqual([]);
  results.add(blank(cases[0]));
  expect(passed).toEqual(["a/1.1", "a/1.2"]);
  results.add(blank(cases[3]));
  results.end();
  expect(passed).toEqual(["a/1.1", "a/1.2", "a/1.4"]);
});

test("the cases of each protocol are chosen in the order of their ids", () => {
  for (const { cases } of choose()) {
    const ids = cases.map(({ id }) => id);
    expect(ids).toEqual(ids.toSorted(compareIds));
  }
});
