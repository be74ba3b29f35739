import { expect, test } from "bun:test";
import { Failure } from "../../platform/failure.ts";
import type { Capacity } from "../capacity/steps.ts";
import { sampleOf } from "../compare/testing.ts";
import { codeOf } from "./exit-code.ts";

const wrong = [{ kind: "lost", count: 1, words: "did not arrive" }];
const right = sampleOf({ server: "bun@here" });
const faulty = (server: string) => sampleOf({ server, wrong });
const record = (...samples: ReturnType<typeof sampleOf>[]) => ({ samples, warnings: [] as string[] });

test("any wrong server is 1, whatever else happened", () => {
  expect(codeOf(record(right), undefined)).toBe(0);
  expect(codeOf(record(right, faulty("go")), undefined)).toBe(1);
  expect(codeOf(record(faulty("go")), new Failure(4, "interrupted"))).toBe(1);
});

test("of --against only the new side is asked: a change that fixes a fault passes", () => {
  expect(codeOf(record(faulty("bun@0123"), right), undefined, "bun@0123")).toBe(0);
  expect(codeOf(record(faulty("bun@0123"), faulty("bun@here")), undefined, "bun@0123")).toBe(1);
  expect(codeOf(record(right, faulty("bun@here")), undefined, "bun@0123")).toBe(1);
});

test("then what ended the run, then an objective that held nowhere, then doubts", () => {
  const doubtful = { ...record(right), warnings: ["1 valid of 2 taken"] };
  expect(codeOf(doubtful, new Failure(3, "gone"))).toBe(3);
  expect(codeOf(doubtful, undefined)).toBe(4);
  const capacity: Capacity = {
    ...{ protocol: "echo", server: "bun", objective: "p99<1ms", grow: "rate", steps: [], answer: null },
    ...{ knee: null, limit: "server" },
  };
  expect(codeOf({ ...doubtful, capacity }, undefined)).toBe(1);
  const unjudged = { ...capacity, unjudged: "p99<1ms cannot be judged here" };
  expect(codeOf({ ...record(right), capacity: unjudged }, undefined)).toBe(4);
});
