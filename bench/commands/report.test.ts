/** The report as a program: which records it takes, where the page goes, and what a wrong command line gets. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { writeRecord } from "../record/record.ts";
import { fixture } from "../report/fixture.ts";

const folder = mkdtempSync(`${tmpdir()}/sockbench-report-`);
const empty = mkdtempSync(`${tmpdir()}/sockbench-report-`);
afterAll(() => {
  for (const path of [folder, empty]) rmSync(path, { recursive: true });
});

const [older, newer] = [1, 2].map((hour) => fixture({ hour, samples: 1 }));
beforeAll(async () => {
  for (const record of [older, newer]) await writeRecord(record, folder);
});

async function report(...args: string[]) {
  const child = Bun.spawn([process.execPath, `${import.meta.dir}/../sockbench.ts`, "report", ...args], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { stdout: stdout.trim(), stderr: stderr.trimEnd(), code };
}

test("takes the newest record of the folder and puts the page beside it", async () => {
  const { stdout, code } = await report("--results", folder);
  expect(code).toBe(0);
  expect(stdout).toBe(`${folder}/${newer.id}.html`);
  expect(await Bun.file(stdout).text()).toStartWith("<!doctype html>");
});

test("of several records, in any order, the last is the subject and the others its history", async () => {
  const out = `${folder}/deep/er/page.html`;
  const { code } = await report(newer.id, `${folder}/${older.id}.json`, "--results", folder, "--out", out);
  expect(code).toBe(0);
  const page = await Bun.file(out).text();
  expect(page).toContain(`<title>sockbench ${newer.id}</title>`);
  expect(page).toContain(`<section id="history"`);
});

test.each([
  [["nope"], 2, "nope"],
  [["--no-such-flag"], 2, "--no-such-flag"],
  [["--results", empty], 3, empty],
  [[import.meta.path], 2, "not JSON"],
])("%p ends with code %i and one line that names it", async (args, code, name) => {
  const result = await report(...args);
  expect(result.code).toBe(code);
  expect(result.stdout).toBe("");
  expect(result.stderr.split("\n")).toHaveLength(1);
  expect(result.stderr).toContain(name);
});

test("passes over a broken record that nobody named, and says so", async () => {
  const broken = `${folder}/zz-broken.json`;
  await Bun.write(broken, "");
  const { stdout, stderr, code } = await report("--results", folder);
  rmSync(broken);
  expect([code, stdout]).toEqual([0, `${folder}/${newer.id}.html`]);
  expect(stderr).toBe(`passed over: record ${broken}: not JSON; was it truncated?`);
});

test.each([
  [
    `${folder}/${older.id}.json/page.html`,
    `${folder}/${older.id}.json: nothing can be written there: it is a file`,
  ],
  [folder, "it is a folder"],
  ...(existsSync("/dev/full") ? [["/dev/full", "no space left on device"]] : []),
])("a page that cannot be written to %s is one line and exit code 2", async (out, why) => {
  const { code, stdout, stderr } = await report(newer.id, "--results", folder, "--out", out);
  expect([code, stdout]).toEqual([2, ""]);
  expect(stderr.split("\n")).toHaveLength(1);
  expect(stderr).toStartWith("error: ");
  expect(stderr).toContain(why);
});

test("an id that leads out of the folder is not followed", async () => {
  const path = `${empty}/hostile.txt`;
  await Bun.write(path, JSON.stringify({ ...newer, id: "../../outside" }));
  const { code, stderr } = await report(path, "--results", folder);
  expect(code).toBe(2);
  expect(stderr).toContain("--out");
  expect(existsSync(`${folder}/../../outside.html`)).toBe(false);
});
