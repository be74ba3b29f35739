/** The matrix: every target of a targets file, judged by the cases of the protocols that it speaks. */
import { exitCodes, Failure } from "../platform/failure.ts";
import { printable } from "../platform/printable.ts";
import { sourceOf, type TargetEntry } from "../targets/file.ts";
import { blank, type Case } from "./case.ts";
import { type ConformOptions, type ConformReport, choose, conform, countsOf } from "./index.ts";
import { allSuites } from "./suites.ts";
import { timeNames } from "./times.ts";

/** The entry of a server in a targets file as options of `conform`: its cases by protocol, and how they are judged. */
export function declared({ name, protocols, times, unsupported, known }: TargetEntry): ConformOptions {
  const expectOne = (what: string, all: readonly string[], given: readonly string[] = []) => {
    const wrong = given.find((one) => !all.includes(one));
    if (wrong === undefined) return;
    throw new Failure(
      exitCodes.usage,
      `targets.json, ${name}: ${what} ${wrong}: expected one of: ${all.join(", ")}`,
    );
  };
  const suites = allSuites();
  const all = suites.map(({ slug }) => slug);
  // A protocol's name is as good as its slug.
  const slugs = protocols?.map((one) => suites.find((suite) => suite.name === one)?.slug ?? one);
  expectOne("protocol", all, slugs);
  expectOne("time", timeNames, Object.keys(times ?? {}));
  return {
    ...(slugs ? { choice: slugs } : {}),
    ...(times ? { times } : {}),
    ...(unsupported ? { unsupported } : {}),
    ...(known ? { known } : {}),
  };
}

/** A server that fails to start costs its own column, and none of the others. */
function notStarted(cases: readonly Case[], error: unknown, strict: boolean): ConformReport {
  if (!(error instanceof Failure) || error.exitCode !== exitCodes.unreachable) throw error;
  const actual = printable(error.message);
  const results = cases.map((one) => ({
    ...blank(one),
    verdict: "error" as const,
    notRun: true as const,
    actual,
  }));
  return { schema: "sockbench-conform/1", target: "", strict, results, counts: countsOf(results) };
}

export type Matrix = { name: string; report: ConformReport }[];

/** Judges every target by the chosen cases of the protocols that it speaks. */
export async function runMatrix(
  targets: readonly TargetEntry[],
  choice: readonly string[],
  options: { strict: boolean; onTarget?: (name: string) => void },
): Promise<Matrix> {
  const matrix: Matrix = [];
  // What is wrong in the file is told before the first case.
  const judged = targets.map((target) => ({ settings: declared(target), source: sourceOf(target) }));
  for (const { settings, source } of judged) {
    const { name } = source;
    const cases = choose(choice)
      .filter(({ suite }) => settings.choice?.includes(suite.slug) ?? true)
      .flatMap(({ cases }) => cases);
    if (cases.length === 0) continue;
    options.onTarget?.(name);
    const asked = { ...settings, choice: cases.map(({ id }) => id), strict: options.strict, source };
    const report = await conform(asked).catch((error) => notStarted(cases, error, options.strict));
    matrix.push({ name, report: { ...report, target: name } });
  }
  if (matrix.length === 0)
    throw new Failure(exitCodes.unreachable, "no target speaks any of the chosen protocols");
  return matrix;
}
