/** A report in words: for the terminal, and for machines that read JUnit's form. */
import { type CaseResult, isWrong, type Verdict } from "./case.ts";
import type { ConformReport } from "./index.ts";

const signs: Record<Verdict, string> = {
  pass: "✓",
  fail: "✗",
  "not strict": "~",
  informational: "i",
  unsupported: "-",
  error: "!",
};

export const sign = (verdict: Verdict): string => signs[verdict];

export function oneLine({ id, title, verdict, actual, milliseconds, attempts }: CaseResult): string {
  const reason = verdict === "unsupported" ? `: ${actual}` : "";
  const time = milliseconds > 1000 ? ` (${(milliseconds / 1000).toFixed(1)} s)` : "";
  const again = attempts ? ` (run ${attempts} times: this machine stood still meanwhile)` : "";
  return `${signs[verdict]} ${id} ${title}${reason}${time}${again}`;
}

/** All that the author of the server needs: what was asked for, what came, and what went over the wire. */
export function explain(result: CaseResult): string {
  const lines = [
    `${signs[result.verdict]} ${result.id} ${result.title}: ${result.verdict}`,
    `  required  ${result.requirement} (${result.source})`,
    `  expected  ${result.expected ?? ""}`,
    `  actual    ${result.actual ?? ""}`,
  ];
  if (result.known) lines.push(`  known     ${result.known}`);
  const endings = Object.entries(result.endings).slice(0, 8);
  if (endings.length > 0)
    lines.push(`  ended     ${endings.map(([name, ending]) => `${name} ${ending}`).join(", ")}`);
  if (result.wire) lines.push("  wire", ...result.wire.map((line) => `    ${line}`));
  return lines.join("\n");
}

export function summary({ counts, results, target, strict }: ConformReport): string {
  const parts = Object.entries(counts)
    .filter(([, count]) => count > 0)
    .map(([verdict, count]) => `${count} ${verdict}`);
  const killed = results.filter((result) => result.killed).length;
  const known = results.filter((result) => result.known).length;
  const knownNote = known > 0 ? `; ${known} known deviations of targets.json` : "";
  const notRun = results.filter((result) => result.notRun);
  const rest =
    notRun.length > 0
      ? `\n${notRun.length} cases were not run, ${notRun[0].id} and those after it: ${notRun[0].actual}`
      : "";
  const failed = results.filter((result) => isWrong(result, strict));
  const list = failed.length > 0 ? `\nnot kept: ${failed.map(({ id }) => id).join(" ")}` : "";
  const note = strict && counts["not strict"] > 0 ? " (strict: a SHOULD that is not kept is a failure)" : "";
  return `${target}: ${results.length} case${results.length === 1 ? "" : "s"}: ${parts.join(", ")}${killed > 0 ? `; after ${killed} of them the server served nobody any more` : ""}${knownNote}${note}${rest}${list}`;
}

const escapes: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
/** Text for XML and HTML; what XML cannot hold (XML 1.0, 2.2) is left out. */
export const escapeMarkup = (text: string): string =>
  text
    .toWellFormed()
    .replace(/[&<>"]/g, (char) => escapes[char])
    .replace(/[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/g, "");

/** JUnit's form: one document, with a suite for each target. */
export const junit = (reports: readonly ConformReport[]): string =>
  ['<?xml version="1.0" encoding="UTF-8"?>', "<testsuites>", ...reports.map(suite), "</testsuites>", ""].join(
    "\n",
  );

function suite({ results, counts, target, strict }: ConformReport): string {
  const failures = results.filter((result) => isWrong(result, strict)).length;
  const skipped = results.filter(({ verdict, known }) => verdict === "unsupported" || known).length;
  const cases = results.map((result) => {
    const { id, title, verdict, milliseconds } = result;
    const [protocol, number] = id.split("/");
    const inner = isWrong(result, strict)
      ? `<failure message="${escapeMarkup(result.actual ?? "")}">${escapeMarkup(explain(result))}</failure>`
      : verdict === "error"
        ? `<error message="${escapeMarkup(result.actual ?? "")}"/>`
        : verdict === "unsupported" || result.known
          ? `<skipped message="${escapeMarkup(result.known ?? result.actual ?? "")}"/>`
          : "";
    return `  <testcase classname="${protocol}" name="${number} ${escapeMarkup(title)}" time="${(milliseconds / 1000).toFixed(3)}">${inner}</testcase>`;
  });
  return [
    `<testsuite name="${escapeMarkup(target)}" tests="${results.length}" failures="${failures}" errors="${counts.error}" skipped="${skipped}">`,
    ...cases,
    "</testsuite>",
  ].join("\n");
}
