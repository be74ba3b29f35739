/** `sockbench init` as in a folder of one's own, where this project is a dependency: what it writes passes as it is. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const ROOT = join(import.meta.dir, "../..");
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "init-"));
  mkdirSync(join(folder, "node_modules"));
  symlinkSync(ROOT, join(folder, "node_modules/sockbench"));
});
afterAll(() => rmSync(folder, { recursive: true }));

async function run(...args: string[]) {
  const child = Bun.spawn([process.execPath, ...args], {
    cwd: folder,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    timeout: 200_000,
  });
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  return { code: await child.exited, stdout, stderr };
}

const sockbench = (...args: string[]) => run("node_modules/sockbench/bench/sockbench.ts", ...args);

test("it writes a protocol, a server and a test, which pass as they are, and overwrites nothing", async () => {
  const { code, stdout, stderr } = await sockbench("init", "mine");
  expect([code, stderr]).toEqual([0, ""]);
  expect(stdout).toContain("cd mine");
  const files = ["length-json-server.ts", "length-json.test.ts", "length-json.ts"];
  expect(readdirSync(join(folder, "mine")).sort()).toEqual(files);
  const protocol = await Bun.file(join(folder, "mine/length-json.ts")).text();
  expect(protocol.trimEnd().split("\n").length).toBeLessThanOrEqual(40);

  const tested = await run("test", "mine/");
  expect(tested.stderr).toContain(" 2 pass\n 0 fail");
  expect(tested.code).toBe(0);

  const again = await sockbench("init", "mine");
  expect([again.code, again.stdout]).toEqual([2, ""]);
  expect(again.stderr).toBe(
    "error: init mine: there is a length-json.ts already, and nothing is overwritten\n",
  );
  expect(await Bun.file(join(folder, "mine/length-json.ts")).text()).toBe(protocol);
}, 240_000);

test("a folder that cannot be is one line", async () => {
  await Bun.write(join(folder, "file"), "");
  const { code, stderr } = await sockbench("init", "file/folder");
  expect(code).toBe(2);
  expect(stderr.trim().split("\n")).toEqual([expect.stringContaining("file/folder")]);
});
