/** A failure while the host stalled is judged again, a few times; a pass is not. */
import { expect, test } from "bun:test";
import { PAUSE_MS } from "../platform/pauses.ts";
import type { Case } from "./case.ts";
import { runCases } from "./runner.ts";
import { platformItself } from "./servers-of.ts";
import { Violation } from "./violation.ts";

/** Keeps this process from running, as a busy machine would. */
const standStill = () => Bun.sleepSync(PAUSE_MS * 3);

async function resultOf(run: (attempt: number) => void) {
  let attempt = 0;
  const one: Case = {
    id: "made/1.1",
    title: "",
    requirement: "",
    source: "",
    level: "MUST",
    run: async () => run(++attempt),
  };
  const options = { judged: platformItself(), health: async () => {}, workers: 1, timeout: 1000 };
  return { ...(await runCases([one], options))[0], attempt };
}

const fail = () => {
  throw new Violation("a tick", "a tock");
};

test("a failure during a stall is judged again, and the later result counts", async () => {
  const result = await resultOf((attempt) => {
    if (attempt > 1) return;
    standStill();
    fail();
  });
  expect(result).toMatchObject({ verdict: "pass", attempts: 2 });
});

test("a failure that stalls every time is a failure", async () => {
  const result = await resultOf(() => {
    standStill();
    fail();
  });
  expect(result).toMatchObject({ verdict: "fail", attempts: 3, actual: "a tock" });
});

test("a pass during a stall is a pass", async () => {
  expect(await resultOf(standStill)).toMatchObject({ verdict: "pass", attempt: 1 });
});
