/** Flags that do not go together, as the command line and a program write them. */
import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { bench } from "../../index.ts";

const folder = mkdtempSync(`${tmpdir()}/sockbench-flags-`);
afterAll(() => rmSync(folder, { recursive: true }));

async function sockbench(line: string, cwd?: string) {
  const args = ["bench", ...line.split(" "), "--results", folder];
  const child = Bun.spawn([process.execPath, `${import.meta.dir}/../sockbench.ts`, ...args], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    ...(cwd ? { cwd } : {}),
  });
  const [stdout, stderr, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { stdout, stderr, code };
}

const TARGET = "tcp://127.0.0.1:1";
test.concurrent.each([
  ["--exec true --against main", "--exec", "--against"],
  ["--exec true --exec false", "--exec", "twice"],
  ["--exec true --server go", "--exec", "--server"],
  [`--target ${TARGET} --server go`, "--target", "--server"],
  [`--target ${TARGET} --against main`, "--target", "--against"],
  ["--server go --against main", "--server", "--against"],
  ["--pin-target", "--pin-target", "--target"],
  [`--pin-target --target ${TARGET} --exec true`, "--pin-target", "--exec"],
  ["fanout --rate 5 --loop closed", "--rate 5", "--loop closed"],
  ["fanout --window 5 --loop open", "--window 5", "--loop open"],
  ["fanout --window 5 --rate 5", "--window", "--rate"],
  ["fanout --senders 5 --connections 4", "--senders 5", "--connections 4"],
  ["fanout --samples 5 --max-samples 4", "--samples 5", "--max-samples 4"],
  ["--calibrate --target tcp://127.0.0.1:1", "--target", "--calibrate"],
  ["fanout --insecure", "--insecure", "tls://"],
  ["capacity --samples 5", "--samples", "capacity"],
])("bench %s: exit code 2, and both are named", async (line, one, other) => {
  const { code, stdout, stderr } = await sockbench(line);
  expect([code, stdout]).toEqual([2, ""]);
  expect(stderr).toStartWith("error: ");
  expect(stderr.trimEnd().split("\n")).toHaveLength(1);
  expect(stderr).toContain(one);
  expect(stderr).toContain(other);
});

describe("a flag that changes nothing of what would run is refused:", () => {
  test.each([
    ["fanout", { fileSize: 3 }, "--file-size"],
    ["fanout", { exhaustive: true }, "--exhaustive"],
    ["truncate", { rate: 5 }, "--rate"],
    ["idle", { window: 5 }, "--window"],
    ["idle", { loop: "open" }, "--loop"],
    ["framing", { samples: 5 }, "--samples"],
    ["coalesce", { connections: 5 }, "--connections"],
    ["sum", { size: 100 }, "--size"],
    ["transfer", { duration: 2 }, "--duration"],
  ] as const)("%s with %j", async (scenario, request, flag) => {
    await expect(bench(scenario, request)).rejects.toMatchObject({
      exitCode: 2,
      message: `${flag} would change nothing: what runs is ${scenario}`,
    });
  });

  test("and those that shape it are taken", async () => {
    // It gets as far as the target, where nobody is.
    await expect(
      bench(["fanout", "coalesce"], { target: TARGET, size: 100, senders: 3, window: 5 }),
    ).rejects.toMatchObject({ exitCode: 3 });
  });
});

test("--against compares with revisions of this project, and not of the repository that one stands in", async () => {
  Bun.spawnSync(["git", "init", "-q", folder]);
  const { code, stderr } = await sockbench("fanout --against HEAD", folder);
  expect(code).toBe(2);
  expect(stderr).toContain("--against HEAD: it names a revision of sockbench itself");
  expect(stderr).toContain(folder);
});
