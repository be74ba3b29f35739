/** An agent's fleets: one that has ended is told, and is there again for the next plan. */
import { expect, test } from "bun:test";
import { startPool } from "./pool.ts";
import { until } from "./testing.ts";

const load = { loop: "closed", senders: 1, window: 1 };
const plan = { workload: "room", target: "nowhere", protocol: "chat/bracket", load } as never;

test("a fleet that ends in the middle is told once, and another takes the next plan", async () => {
  const pool = startPool(1);
  const heard: string[] = [];
  pool.listen((index, message) => {
    if (message.type === "failed") heard.push(`${index} ${message.kind}: ${message.reason.split("\n")[0]}`);
  });
  try {
    pool.send(0, { type: "plan", plan, fleet: 0, fleets: 1 });
    await until("the plan is refused", () => heard.length === 1);
    expect(heard).toEqual(["0 unreachable: nowhere is no target"]);
    process.kill(pool.pids()[0], "SIGKILL");
    await until("its end is told", () => heard.length === 2);
    expect(heard[1]).toBe("0 internal: its fleet ended with code 137");
    pool.send(0, { type: "drain", sent: [] });
    pool.send(0, { type: "plan", plan, fleet: 0, fleets: 1 });
    await until("the next plan is taken", () => heard.length === 3);
    expect(heard[2]).toBe(heard[0]);
  } finally {
    await pool.stop();
  }
});

test("fleets that are replaced say nothing more", async () => {
  const pool = startPool(2);
  const heard: string[] = [];
  const before = pool.pids();
  pool.listen((_, message) => heard.push(message.type));
  pool.renew();
  const isGone = (pid: number) => {
    try {
      return !process.kill(pid, 0);
    } catch {
      return true;
    }
  };
  await until("the old ones are gone", () => before.every(isGone));
  expect(pool.pids().some((pid) => before.includes(pid))).toBe(false);
  expect(heard).toEqual([]);
  await pool.stop();
});
