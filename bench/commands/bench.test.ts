/** The bench as a program: what a wrong command line gets, and what a run prints. */
import { afterAll, expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { recordSchema } from "../record/record.ts";

const folder = mkdtempSync(`${tmpdir()}/sockbench-bench-`);
afterAll(() => rmSync(folder, { recursive: true }));

async function sockbench(...args: string[]) {
  const child = Bun.spawn([process.execPath, `${import.meta.dir}/../sockbench.ts`, ...args], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { stdout, stderr, code };
}

test.each([
  [["bench", "nope"], 2, "nope"],
  [["bench", "--rate", "fast"], 2, "--rate"],
  [["bench", "--rate", "-1"], 2, "-1"],
  [["bench", "--duration", "0"], 2, "--duration"],
  [["bench", "--target", "nowhere"], 2, "--target nowhere"],
  [["bench", "--server", "perl"], 2, "--server perl"],
  [["bench", "--protocol", "smoke"], 2, "--protocol smoke"],
  [["bench", "--transport", "tcp", "--target", "udp://127.0.0.1:9"], 2, "--transport tcp"],
  [["bench", "--no-such-flag"], 2, "--no-such-flag"],
  [["bench", "sum", "--transport", "udp", "--protocol", "chat/bracket"], 3, "nothing to run"],
  [["bench", "framing", "--exec", "false"], 3, '"false" failed to start: it ended with code 1'],
  [["no-such-command"], 2, "no-such-command"],
])("%p ends with code %i and one line that names it", async (args, code, name) => {
  const result = await sockbench(...args, ...(args[0] === "bench" ? ["--results", folder] : []));
  expect(result.code).toBe(code);
  expect(result.stdout).toBe("");
  expect(result.stderr.trimEnd().split("\n")).toHaveLength(1);
  expect(result.stderr).toStartWith("error: ");
  expect(result.stderr).toContain(name);
});

test("a target where nobody listens ends with code 3", async () => {
  // A port that was free a moment ago may be taken by another test; this one is given to nobody.
  const url = "tcp://127.0.0.1:1";
  const { code, stderr } = await sockbench("bench", "framing", "--target", url, "--results", folder);
  expect(code).toBe(3);
  expect(stderr).toContain(`${url} cannot be reached: connection refused`);
});

test("--json prints the record and nothing else", async () => {
  const args = ["bench", "truncate", "--quick", "--json", "--results", folder];
  const { code, stdout } = await sockbench(...args);
  expect(code).toBe(0);
  const record = recordSchema.parse(JSON.parse(stdout));
  expect(record.samples.map(({ scenario }) => scenario)).toEqual(["truncate"]);
  expect(await Bun.file(`${folder}/${record.id}.json`).exists()).toBe(true);
});

test("results that cannot be written are told before the run", async () => {
  const file = `${folder}/a-file`;
  await Bun.write(file, "");
  const { code, stdout, stderr } = await sockbench("bench", "truncate", "--results", `${file}/below`);
  expect([code, stdout]).toEqual([2, ""]);
  expect(stderr).toBe(
    `error: --results ${file}/below: nothing can be written there: a part of its path is not a folder\n`,
  );
});

test("where results cannot be written any more at the end, the tables are printed, and the record is elsewhere", async () => {
  const place = `${folder}/goes-away`;
  const child = Bun.spawn(
    [
      process.execPath,
      `${import.meta.dir}/../sockbench.ts`,
      ..."bench truncate framing --quick --results".split(" "),
      place,
    ],
    { stdin: "ignore", stdout: "pipe", stderr: "pipe", env: { ...process.env, TMPDIR: folder } },
  );
  const decoder = new TextDecoder();
  let stderr = "";
  for await (const chunk of child.stderr) {
    stderr += decoder.decode(chunk);
    if (!stderr.includes("[1/") || !existsSync(place) || !statSync(place).isDirectory()) continue;
    rmSync(place, { recursive: true });
    writeFileSync(place, "a file now");
  }
  const stdout = await child.stdout.text();
  expect(await child.exited).toBe(2);
  expect(stdout).toContain("1,025 bytes do not arrive whole");
  const [last] = stderr.trimEnd().split("\n").slice(-1);
  expect(last).toMatch(/^error: --results .*goes-away: nothing can be written there: .*; it is in .*\.json$/);
  const kept = last.slice(last.lastIndexOf(" ") + 1);
  expect(recordSchema.parse(await Bun.file(kept).json()).samples.length).toBeGreaterThan(1);
});

test("an interrupted run keeps what was finished, marked as partial, and leaves nothing running", async () => {
  const child = Bun.spawn(
    [
      process.execPath,
      `${import.meta.dir}/../sockbench.ts`,
      "bench",
      "truncate",
      "fanout",
      "--busy",
      "--connections",
      "10",
      "--duration",
      "20",
      "--samples",
      "1",
      "--results",
      folder,
    ],
    { stdin: "ignore", stdout: "pipe", stderr: "pipe" },
  );
  // The first line on standard error tells that the first sample is there.
  const reader = child.stderr.getReader();
  await reader.read();
  child.kill("SIGINT");
  const stdout = await child.stdout.text();
  expect(await child.exited).toBe(4);
  expect(stdout).toContain("PARTIAL: ");
  const children = Bun.spawnSync(["ps", "-o", "ppid=", "-A"]).stdout.toString();
  expect(children.split("\n").map((line) => line.trim())).not.toContain(String(child.pid));
}, 60_000);
