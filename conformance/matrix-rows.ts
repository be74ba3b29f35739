/** What a matrix contains, however it is printed: a row for each case, the result of each target, worst first. */
import type { CaseResult } from "./case.ts";
import type { Matrix } from "./matrix.ts";
import { compareIds } from "./order.ts";
import { rankOf, type Standing, signOf, standingOf, standings } from "./standing.ts";

export type Row = Pick<CaseResult, "id" | "title" | "requirement" | "source"> & {
  /** One for each target, in their order; undefined where a target does not speak the protocol. */
  results: readonly (CaseResult | undefined)[];
};

/** A row for each case that ran against any target, by protocol and then in the order of ids. */
export function rowsOf(matrix: Matrix): Row[] {
  const byTarget = matrix.map(({ report }) => new Map(report.results.map((result) => [result.id, result])));
  const all = new Map(matrix.flatMap(({ report }) => report.results.map((result) => [result.id, result])));
  const slugs = [...new Set([...all.keys()].map(protocolOf))];
  return [...all.values()]
    .sort(
      (a, b) => slugs.indexOf(protocolOf(a.id)) - slugs.indexOf(protocolOf(b.id)) || compareIds(a.id, b.id),
    )
    .map(({ id, title, requirement, source }) => ({
      id,
      title,
      requirement,
      source,
      results: byTarget.map((results) => results.get(id)),
    }));
}

export const protocolOf = (id: string): string => id.split("/")[0];
export const sectionOf = (id: string): string => id.slice(0, id.lastIndexOf("."));

/** The worst standing that any target has in this case. */
export const worstOf = ({ results }: Pick<Row, "results">): Standing =>
  standings[
    Math.min(...results.flatMap((result) => (result ? rankOf(standingOf(result)) : [])), standings.length - 1)
  ].standing;

/** One target's score in some cases: the worst sign, and how many it passed of those that judged it. */
export function scoreOf(results: readonly (CaseResult | undefined)[]): string {
  const run = results.filter((result) => result !== undefined);
  if (run.length === 0) return "";
  const judged = run.filter(({ verdict }) => verdict !== "unsupported");
  if (judged.length === 0) return signOf("unsupported");
  const passed = judged.filter(({ verdict }) => verdict === "pass" || verdict === "informational").length;
  const count = passed === judged.length ? `${passed}` : `${passed}/${judged.length}`;
  return `${signOf(passed === judged.length ? "pass" : worstOf({ results: judged }))} ${count}`;
}

/** Rows by their worst standing, worst first; without those that passed everywhere. */
export function deviations(rows: readonly Row[]): { standing: Standing; rows: Row[] }[] {
  const byStanding = Map.groupBy(rows, worstOf);
  return (["fail", "error", "not strict", "known"] as const).flatMap((standing) => {
    const of = byStanding.get(standing);
    return of ? [{ standing, rows: of }] : [];
  });
}

export type Unjudged = { target: string; reason: string; ids: string[] };

/** What could not be judged, by target and reason: a peer that cannot be built has the same reason for all cases. */
export function unjudged(matrix: Matrix): Unjudged[] {
  return matrix.flatMap(({ name, report }) => {
    const results = report.results.filter(({ verdict }) => verdict === "unsupported");
    const byReason = Map.groupBy(results, ({ actual }) => actual ?? "");
    return [...byReason].map(([reason, of]) => ({ target: name, reason, ids: of.map(({ id }) => id) }));
  });
}
