/**
 * What each side did wrong. It comes before any speed: a server that loses messages is not faster.
 * Samples that do not count for speed count here, for no stolen CPU makes a right server duplicate.
 */
import type { Sample } from "../record/record.ts";

/** One kind of fault in one cell: in how many samples of each side, and its words where it was last seen. */
export type Fault = {
  cell: string;
  kind: string;
  old: number;
  new: number;
  /** `new`: the new side has it and the old has not, and that fails the comparison. */
  change: "new" | "still" | "gone";
  words: string;
};

/** Counters that are 0 for a right server, whatever a scenario makes of them. */
const faultCounters = ["duplicated", "corrupt", "unexpected", "wrong"];

function faultsOf(sample: Sample): Map<string, string> {
  const faults = new Map(sample.wrong.map(({ kind, words }) => [kind, words]));
  for (const name of faultCounters)
    if (sample.counts[name] > 0 && !faults.has(name)) faults.set(name, `${sample.counts[name]} ${name}`);
  return faults;
}

export function compareFaults(cell: string, old: readonly Sample[], now: readonly Sample[]): Fault[] {
  const faults = new Map<string, Fault>();
  const note = (side: "old" | "new", samples: readonly Sample[]) => {
    for (const sample of samples)
      for (const [kind, words] of faultsOf(sample)) {
        const fault = faults.get(kind) ?? { cell, kind, old: 0, new: 0, change: "still" as const, words };
        faults.set(kind, { ...fault, [side]: fault[side] + 1, words });
      }
  };
  note("old", old);
  note("new", now);
  return [...faults.values()].map((fault) => ({
    ...fault,
    change: fault.old === 0 ? "new" : fault.new === 0 ? "gone" : "still",
  }));
}
