/** When a comparison may stop: at a look, and once all that is tested of a cell is decided, of every pair of servers. */
import type { RunRecord } from "../record/record.ts";
import { compareAll } from "./compare.ts";
import { isLook } from "./rounds.ts";

export function isSettled(
  record: RunRecord,
  { scenario, variant }: { scenario: string; variant: string },
  threshold: number,
): boolean {
  const mine = (one: { scenario: string; variant: string }) =>
    one.scenario === scenario && one.variant === variant;
  const rounds = new Set(record.samples.filter(mine).map(({ round }) => round)).size;
  if (!isLook(rounds)) return false;
  const rows = compareAll(record, { threshold, force: true })
    .flatMap(({ cells }) => cells.filter(mine))
    .flatMap(({ rows }) => rows.filter(({ tested }) => tested));
  return rows.length > 0 && rows.every(({ verdict }) => verdict !== "undecided");
}
