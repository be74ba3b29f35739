/** JUnit's form is one well-formed document, of any number of targets and whatever they have sent. */
import { expect, test } from "bun:test";
import { blank, type CaseResult } from "./case.ts";
import { type ConformReport, countsOf } from "./index.ts";
import { junit } from "./report.ts";

const made = (id: string, more: Partial<CaseResult> = {}): CaseResult => ({
  ...blank({ id, title: `<${id}> & "more"`, requirement: "r", source: "s", level: "MUST", async run() {} }),
  ...more,
});

const reportOf = (target: string, ...results: CaseResult[]): ConformReport => ({
  schema: "sockbench-conform/1",
  target,
  strict: false,
  results,
  counts: countsOf(results),
});

const hostile = "a]]>b</failure><x y=\"' & \x00\x1b[31m\ufffe\ud800 end";

const documents: [name: string, reports: ConformReport[]][] = [
  ["no target", []],
  ["one target", [reportOf("mine", made("echo/1.1"))]],
  [
    "several targets",
    [reportOf("a", made("echo/1.1")), reportOf("b", made("echo/1.1", { verdict: "error" }))],
  ],
  [
    "hostile bytes in every place",
    [
      reportOf(
        hostile,
        made("echo/1.1", { verdict: "fail", title: hostile, actual: hostile, wire: [hostile] }),
        made("echo/1.2", { verdict: "error", actual: hostile }),
        made("echo/1.3", { verdict: "unsupported", actual: hostile }),
        made("echo/1.4", { verdict: "not strict", known: hostile }),
      ),
    ],
  ],
];

// Bun's parser is a conforming one: it refuses what is not well-formed.
test.each(documents)("JUnit of %s is one XML document with a suite for each target", (_, reports) => {
  const parsed = Bun.XML.parse(junit(reports)) as { testsuites: { testsuite?: unknown } | "" };
  expect(Object.keys(parsed)).toEqual(["testsuites"]);
  const suites = parsed.testsuites === "" ? [] : [parsed.testsuites.testsuite ?? []].flat();
  expect(suites).toHaveLength(reports.length);
});
