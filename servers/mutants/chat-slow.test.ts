import { expect, test } from "bun:test";
import { cpuTime } from "../../platform/clock.ts";
import { connectRaw, startProgram } from "../testing.ts";

const LINES = 200;
const WRITES = 100;

/** CPU time that the room's process takes for some thousand lines, each of them relayed as it must be. */
async function cpuFor(extra: number): Promise<number> {
  const program = await startProgram("mutants/chat-slow.ts", ["--extra", `${extra}`]);
  const hearer = await connectRaw(program.listening);
  const speaker = await connectRaw(program.listening);
  speaker.write("here\n");
  await hearer.untilEnd(`[${speaker.address}]: here\n`);
  const before = cpuTime(program.child.pid) ?? 0;
  const line = `[${speaker.address}]: hello\n`;
  let expected = hearer.received();
  for (let i = 0; i < WRITES; i++) {
    speaker.write("hello\n".repeat(LINES));
    expected += line.length * LINES;
    await hearer.until(() => hearer.received() >= expected, "the lines");
  }
  const used = (cpuTime(program.child.pid) ?? 0) - before;
  expect(hearer.text().slice(-line.length * LINES)).toBe(line.repeat(LINES));
  await program.stop();
  return used;
}

test("the slow room is right in everything, and uses the CPU time that was asked for", async () => {
  const plain = await cpuFor(0);
  expect((await cpuFor(400)) / plain).toBeGreaterThan(2);
});
