/** A report as text: for the terminal, and as JUnit XML for CI systems. */
import { type CaseResult, isWrong } from "./case.ts";
import type { ConformReport } from "./index.ts";
import { signOf, standingOf, standings } from "./standing.ts";

export function oneLine(result: CaseResult): string {
  const { id, title, verdict, actual, known, milliseconds, attempts } = result;
  const reason = verdict === "unsupported" ? `: ${actual}` : known ? `: known, ${known}` : "";
  const time = milliseconds > 1000 ? ` (${(milliseconds / 1000).toFixed(1)} s)` : "";
  const again = attempts ? ` (run ${attempts} times: host stalled)` : "";
  return `${signOf(standingOf(result))} ${id} ${title}${reason}${time}${again}`;
}

/** All that the author of the server needs: requirement, expected, actual, and what went over the wire. */
export function explain(result: CaseResult): string {
  const lines = [
    `${signOf(standingOf(result))} ${result.id} ${result.title}: ${result.verdict}`,
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

const plural = (count: number, word: string): string => `${count} ${word}${count === 1 ? "" : "s"}`;

export function summary({ counts, results, target, strict }: ConformReport): string {
  const by = Map.groupBy(results, standingOf);
  const verdicts = standings.toReversed().flatMap(({ standing }) => {
    const count = by.get(standing)?.length ?? 0;
    return count > 0 ? [`${count} ${standing}`] : [];
  });
  const killed = results.filter((result) => result.killed).length;
  const notRun = results.filter((result) => result.notRun);
  const failed = results.filter((result) => isWrong(result, strict));
  const notes = [
    killed > 0 && `; the server stopped serving after ${plural(killed, "case")}`,
    strict && counts["not strict"] > 0 && " (strict: a violated SHOULD is a failure)",
    notRun.length > 0 &&
      `\n${plural(notRun.length, "case")} not run, from ${notRun[0].id} on: ${notRun[0].actual}`,
    failed.length > 0 && `\nfailed: ${failed.map(({ id }) => id).join(" ")}`,
  ];
  return `${target}: ${plural(results.length, "case")}: ${verdicts.join(", ")}${notes.filter(Boolean).join("")}`;
}

const escapes: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
/** Text for XML, without the characters that it cannot hold (XML 1.0, 2.2). */
const escapeXml = (text: string): string =>
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
      ? `<failure message="${escapeXml(result.actual ?? "")}">${escapeXml(explain(result))}</failure>`
      : verdict === "error"
        ? `<error message="${escapeXml(result.actual ?? "")}"/>`
        : verdict === "unsupported" || result.known
          ? `<skipped message="${escapeXml(result.known ?? result.actual ?? "")}"/>`
          : "";
    return `  <testcase classname="${protocol}" name="${number} ${escapeXml(title)}" time="${(milliseconds / 1000).toFixed(3)}">${inner}</testcase>`;
  });
  return [
    `<testsuite name="${escapeXml(target)}" tests="${results.length}" failures="${failures}" errors="${counts.error}" skipped="${skipped}">`,
    ...cases,
    "</testsuite>",
  ].join("\n");
}
