/** What is to be said of latencies between machines: how far they may be wrong, and those within one, which are not. */
import { encodeHistogram, mergeHistograms } from "../../clients/histogram.ts";
import type { RoomReport } from "../../clients/workloads/room.ts";
import { percentiles } from "../record/samples.ts";
import type { Fleets } from "../run/fleets.ts";
import type { SampleParts } from "./scenario.ts";

/** Undefined where all fleets stand on one machine, or nothing was timed. */
export function betweenMachines(
  reports: readonly RoomReport[],
  { machines, clocks }: Pick<Fleets, "machines" | "clocks">,
): Pick<SampleParts, "counts" | "metrics" | "histograms"> | undefined {
  const bounds = clocks?.().map(({ bound }) => bound) ?? [];
  const open = reports.flatMap(({ open }) => (open?.between ? [open.between] : []));
  if (!machines || open.length === 0) return undefined;
  const near = mergeHistograms(open.map(({ near }) => near));
  const used = [...new Set(machines.slice(0, reports.length))];
  let [negative, contradicted, bound] = [0, 0, 0];
  open.forEach((one, fleet) => {
    for (const sender of used) {
      const own = machines[fleet];
      // Within one machine there is one clock: nothing may be below 0.
      const wrong = sender === own ? 0 : (bounds[own] ?? 0) + (bounds[sender] ?? 0);
      bound = Math.max(bound, wrong);
      negative += one.negative[sender] ?? 0;
      if ((one.least[sender] ?? 0) < -wrong) contradicted++;
    }
  });
  return {
    counts: { negative, clocksContradicted: contradicted },
    metrics: { clockBound: bound, ...percentiles("near", near) },
    histograms: { near: encodeHistogram(near) },
  };
}
