import { expect, test } from "bun:test";
import { join } from "node:path";

test("micro prints no colours into a pipe", async () => {
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "../sockbench.ts"), "micro"], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "ignore",
    env: { ...process.env, FORCE_COLOR: "1" },
  });
  try {
    let text = "";
    // The heading and the first line of figures: the rest takes as long as there are benchmarks.
    for await (const chunk of child.stdout) {
      text += Buffer.from(chunk).toString();
      if (/write 32 bytes .*\n/.test(text)) break;
    }
    expect(text).toContain("write 32 bytes");
    expect(text).not.toContain("\u001b");
  } finally {
    child.kill("SIGKILL");
    await child.exited;
  }
});
