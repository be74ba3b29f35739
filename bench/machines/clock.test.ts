/** Clocks of machines that are hours apart: how far is known, and how well. */
import { afterAll, describe, expect, test } from "bun:test";
import {
  createMachines,
  type Machine,
  type Machines,
  type Started,
  unsupported,
} from "../../testing/namespaces.ts";
import type { ClockReading } from "./clock-port.ts";
import { boundBetween, offsetAt } from "./clocks.ts";

const PEER = `${import.meta.dir}/clock-peer.ts`;
const MEASUREMENTS = 100;

const firstLine = async (child: Started): Promise<string> => {
  let text = "";
  for await (const chunk of child.stdout) {
    text += Buffer.from(chunk).toString();
    if (text.includes("\n")) break;
  }
  return text.trim();
};

describe("machines that are namespaces", () => {
  const reason = unsupported();
  let machines: Machines | undefined;
  afterAll(() => machines?.close());

  test.skipIf(reason !== undefined)(
    `${reason ? `unsupported (${reason}): ` : ""}the true offset lies within the bound in each of ${MEASUREMENTS} measurements, under load too`,
    async () => {
      machines = createMachines();
      const near = machines.add("near", { seconds: 7_200 });
      const far = machines.add("far", { seconds: 86_400 });
      const peer = far.start([process.execPath, PEER, far.address]);
      const port = await firstLine(peer);
      const idle = await readings(near, far, port, MEASUREMENTS / 2);
      const load = [near, far].map((one) => one.start(["sh", "-c", "while :; do :; done"]));
      const loaded = await readings(near, far, port, MEASUREMENTS / 2);
      for (const one of load) one.kill("SIGKILL");
      expect(idle.length + loaded.length).toBe(MEASUREMENTS);
      const truth = far.ahead - near.ahead;
      const wrong = [...idle, ...loaded].filter(({ offset, bound }) => Math.abs(offset - truth) > bound);
      expect(wrong).toEqual([]);
      // A bound of a second would hold, and say nothing.
      expect(Math.max(...idle.map(({ bound }) => bound))).toBeLessThan(1e8);
    },
  );

  async function readings(near: Machine, far: Machine, port: string, times: number): Promise<ClockReading[]> {
    const asking = near.start([process.execPath, PEER, near.address, far.address, port, `${times}`]);
    const [text, errors] = await Promise.all([asking.stdout.text(), asking.stderr.text()]);
    expect(errors).toBe("");
    return text
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
  }
});

const reading = (at: number, offset: number, bound: number): ClockReading => ({ at, offset, bound });

test("between two readings the offset goes in a straight line, and is known worst in the middle", () => {
  const [before, after] = [reading(0, 1000, 10), reading(1e9, 2000, 30)];
  expect(offsetAt(before, after, 0)).toEqual({ offset: 1000, bound: 10 });
  expect(offsetAt(before, after, 1e9)).toEqual({ offset: 2000, bound: 30 });
  const { offset, bound } = offsetAt(before, after, 0.5e9);
  expect(offset).toBe(1500);
  // 15 ppm of half a second, of either clock.
  expect(bound).toBeCloseTo(20 + 15_000, 6);
});

test("what the second reading says otherwise is part of the bound", () => {
  expect(boundBetween(reading(0, 0, 10), reading(1000, 500, 20))).toBeGreaterThanOrEqual(520);
  expect(boundBetween(reading(0, 0, 50), reading(0, 0, 50))).toBe(50);
});
