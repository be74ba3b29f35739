/** The matrix: every target of a targets file, judged by the cases of the protocols that it speaks. */
import { exitCodes, Failure } from "../platform/failure.ts";
import { sourceOf, type TargetEntry } from "../targets/file.ts";
import { type ConformOptions, type ConformReport, choose, conform } from "./index.ts";
import { protocols } from "./protocols.ts";
import { timeNames } from "./times.ts";

/** What targets.json says of a server, as `conform` takes it: its cases by protocol, and how they are judged. */
export function declared({ name, protocols: slugs, times, unsupported, known }: TargetEntry): ConformOptions {
  const expectOne = (what: string, all: readonly string[], given: readonly string[] = []) => {
    const wrong = given.find((one) => !all.includes(one));
    if (wrong === undefined) return;
    throw new Failure(
      exitCodes.usage,
      `targets.json, ${name}: ${what} ${wrong}: expected one of: ${all.join(", ")}`,
    );
  };
  const all = protocols.map(({ slug }) => slug);
  expectOne("protocol", all, slugs);
  expectOne("time", timeNames, Object.keys(times ?? {}));
  return {
    ...(slugs ? { choice: slugs } : {}),
    ...(times ? { times } : {}),
    ...(unsupported ? { unsupported } : {}),
    ...(known ? { known } : {}),
  };
}

export type Matrix = { name: string; report: ConformReport }[];

/** Judges every target by the chosen cases of the protocols that it speaks. */
export async function runMatrix(
  targets: readonly TargetEntry[],
  choice: readonly string[],
  options: { strict: boolean; onTarget?: (name: string) => void },
): Promise<Matrix> {
  const matrix: Matrix = [];
  for (const target of targets) {
    const { name, protocols: slugs } = target;
    const settings = declared(target);
    const ids = choose(choice)
      .filter(({ protocol }) => slugs?.includes(protocol.slug) ?? true)
      .flatMap(({ cases }) => cases.map(({ id }) => id));
    if (ids.length === 0) continue;
    options.onTarget?.(name);
    const report = await conform({
      ...settings,
      choice: ids,
      strict: options.strict,
      source: sourceOf(target),
    });
    matrix.push({ name, report: { ...report, target: name } });
  }
  if (matrix.length === 0) throw new Failure(exitCodes.unreachable, "no target speaks what was chosen");
  return matrix;
}
