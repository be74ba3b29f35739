/** The rule for whatever reads a peer's bytes: its cost grows no faster than their number (docs/contributing.md). */
import { expect, test } from "bun:test";
import { join } from "node:path";

/** Ten times what it takes here, beside other tests. */
const BOUND_MS = 120_000;

test(
  "no parser's cost grows faster than the number of bytes that a peer sends",
  async () => {
    const child = Bun.spawn([process.execPath, join(import.meta.dir, "costs.ts")], {
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
      timeout: BOUND_MS,
      killSignal: "SIGKILL",
    });
    const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
    // One that never ends is the last that was named.
    const last = stdout.trimEnd().split("\n").pop() ?? "";
    expect([await child.exited, stderr, last]).toEqual([0, "", JSON.stringify({ bad: [] })]);
  },
  BOUND_MS + 10_000,
);
