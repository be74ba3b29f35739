import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { noisy, recordOf } from "../compare/testing.ts";
import { type RunRecord, writeRecord } from "../record/record.ts";

const folder = mkdtempSync(`${tmpdir()}/compare-`);
afterAll(() => rmSync(folder, { recursive: true }));

const figures = { serverCpuPerDelivery: 1000 };
const record = (id: string, factor: number, parts: Partial<RunRecord> = {}) =>
  recordOf(id, noisy(12, { serverCpuPerDelivery: 1000 * factor }, { seed: id.charCodeAt(3) }), parts);
const two = [
  ...noisy(12, figures, { server: "bun", seed: 5 }),
  ...noisy(12, figures, { server: "go", seed: 6 }),
];
const records = [
  record("00-z", 1.2, { startedAt: "2026-02-03T04:05:06.000Z" }),
  record("01-a", 1),
  record("02-b", 1.01),
  record("03-c", 1.2),
  record("04-d", 1, { environment: { ...record("", 1).environment, cpu: "another" } }),
  recordOf("05-e", two),
];
/** Of a folder of its own, so that the last record stays the one of two servers. */
const three = `${folder}/three`;
const ranked = recordOf("06-f", [
  ...two,
  ...noisy(12, { serverCpuPerDelivery: 2000 }, { server: "node", seed: 7 }),
]);
await Promise.all([...records.map((one) => writeRecord(one, folder)), writeRecord(ranked, three)]);

function compare(...flags: string[]) {
  const { exitCode, stdout, stderr } = Bun.spawnSync([
    process.execPath,
    `${import.meta.dir}/../sockbench.ts`,
    "compare",
    ...(flags.includes("--results") ? [] : ["--results", folder]),
    ...flags,
  ]);
  return { exitCode, out: stdout.toString(), error: stderr.toString() };
}

describe("sockbench compare", () => {
  test("ends with 0 when nothing is shown, and with 1 for a regression", () => {
    expect(compare("01", "02").exitCode).toBe(0);
    const { exitCode, out } = compare("01", "03");
    expect(exitCode).toBe(1);
    expect(out).toContain("slower");
  });

  test("fails on what --fail-on says", () => {
    expect(compare("01", "03", "--fail-on", "wrong").exitCode).toBe(0);
    expect(compare("03", "01", "--fail-on", "regression").exitCode).toBe(0);
    expect(compare("03", "01", "--fail-on", "change").exitCode).toBe(1);
  });

  test("refuses unlike records with 4 and the field, unless forced", () => {
    const { exitCode, error } = compare("01", "04");
    expect(exitCode).toBe(4);
    expect(error).toContain("cpu (one and another)");
    expect(compare("01", "04", "--force").exitCode).toBe(0);
  });

  test("the record that was started first is the old one, in whatever order they are named", () => {
    for (const named of [
      ["00", "01"],
      ["01", "00"],
    ]) {
      const { exitCode, out } = compare(...named);
      expect(exitCode).toBe(1);
      expect(out).toContain(
        "old 01-a → new 00-z (old: started 2026-01-01 00:00:00 UTC; new: 2026-02-03 04:05:06 UTC)",
      );
    }
  });

  test("takes the last records by default", () => {
    // 04 and 05 come from different machines.
    expect(compare().error).toContain("cpu (another and one)");
    expect(compare("--servers", "bun,go").out).toContain("bun 05-e → go 05-e");
  });

  test("passes over a broken record that nobody named, and says so", async () => {
    const broken = `${folder}/99-broken.json`;
    await Bun.write(broken, '{"schema":"sockbench/1",');
    try {
      const { exitCode, out, error } = compare("--servers", "bun,go");
      expect([exitCode, error]).toEqual([0, `passed over: record ${broken}: not JSON; was it truncated?\n`]);
      expect(out).toContain("bun 05-e → go 05-e");
      expect(compare("--history", "serverCpuPerDelivery").exitCode).toBe(0);
      expect(compare("01", "99-broken")).toMatchObject({ exitCode: 2, out: "" });
    } finally {
      rmSync(broken);
    }
  });

  test.each([
    [["--history", "x", "--servers", "bun,go"], "--history and --servers do not go together"],
    [["--history", "x", "01"], '--history shows all records of a folder: leave out "01"'],
    [["01", "02", "--json", "--markdown"], "--json and --markdown do not go together"],
    [["01", "02", "--threshold", "5%", "--threshold", "6%"], "--threshold is given twice"],
  ])("refuses %p", (flags, words) => {
    const { exitCode, error } = compare(...flags);
    expect(exitCode).toBe(2);
    expect(error).toStartWith(`error: ${words}`);
  });

  test("prints JSON and nothing else on standard output", () => {
    const { out } = compare("01", "03", "--json");
    expect(JSON.parse(out)).toMatchObject({ schema: "sockbench-comparison/1", tests: 1 });
  });

  test("ranks three servers, in text, Markdown and JSON", () => {
    const of = (...flags: string[]) => compare("--results", three, "--servers", "bun,go,node", ...flags);
    const { exitCode, out } = of();
    // As of two: the first named is what the others are held against.
    expect(exitCode).toBe(1);
    expect(out).toMatch(
      /^(bun and go|go and bun) are not told apart, and (bun|go) uses 0\.\d+× .* the CPU of node for each delivery\.\n/,
    );
    expect(out).toMatch(/^ {2}node +3 .* × [12]\.\d+/m);
    expect(of("--markdown").out).toContain("| node | 3 |");
    expect(JSON.parse(of("--json").out)).toMatchObject({
      schema: "sockbench-ranking/1",
      figures: [{ metric: "serverCpuPerDelivery", main: true }],
      sentence: expect.stringContaining("not told apart"),
    });
    expect(of("--fail-on", "wrong").exitCode).toBe(0);
    expect(compare("--results", three, "--servers", "node,go,bun").exitCode).toBe(0);
  });

  test.each([
    [["--servers", "bun"], 2, "It takes two or more names"],
    [["--servers", "bun,go,bun"], 2, "It takes two or more names"],
    [["--servers", "bun,go,perl"], 2, 'has no server "perl": expected one of: bun, go, node'],
    [["--servers", "bun,go,node", "06", "06"], 2, '--servers compares within one record: leave out "06"'],
  ])("refuses %p", (flags, code, words) => {
    const { exitCode, error } = compare("--results", three, ...flags);
    expect([exitCode, error]).toEqual([code, expect.stringContaining(words)]);
  });

  test("takes a threshold, and says when it is none", () => {
    expect(compare("01", "03", "--threshold", "30%").exitCode).toBe(0);
    for (const text of ["500", "x", "0", "5 %"]) {
      const { exitCode, error } = compare("01", "03", "--threshold", text);
      expect([exitCode, error.includes(text)]).toEqual([2, true]);
    }
  });

  test("names a record that it cannot find", () => {
    expect(compare("99")).toMatchObject({ exitCode: 2, error: expect.stringContaining('"99"') });
    expect(compare("0", "01").error).toContain("beginning of 6 records");
    expect(compare("01", "01").error).toContain("compared with itself");
    expect(compare("--results", "/nowhere")).toMatchObject({
      exitCode: 3,
      error: expect.stringContaining("no records in /nowhere"),
    });
  });

  test("shows one metric over all records", () => {
    const { exitCode, out } = compare("--history", "serverCpuPerDelivery");
    expect(exitCode).toBe(0);
    expect(out).toContain("fanout tcp 100 closed bun\n");
    expect(compare("--history", "speed").exitCode).toBe(2);
  });
});
