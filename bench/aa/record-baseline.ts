#!/usr/bin/env bun
/**
 * Records what `bun run aa` judges the comparison by: `bun bench/aa/record-baseline.ts [rounds] [file]`. Each round has
 * fresh processes of a room, of its twin, and of two that burn a known share of CPU time on top, driven in turn. The
 * record is an ordinary one; only what the comparison reads is kept of each sample, so that it stays small.
 */
import { type RunRecord, recordSchema, type Sample } from "../record/record.ts";
import { run } from "../run/run.ts";
import { baselinePath } from "./aa.ts";
import { aaServers, cell } from "./servers.ts";

const digits = (value: number) => Number(value.toPrecision(5));
const rounded = (figures: Record<string, number>) =>
  Object.fromEntries(Object.entries(figures).map(([name, value]) => [name, digits(value)]));

/** A sample without what the comparison does not read. */
function slim({ meters, detail: _, slices = {}, ...rest }: Sample): Sample {
  const kept = Object.entries(slices).map(([name, values]) => [name, values.map(digits)]);
  return {
    ...rest,
    metrics: rounded(rest.metrics),
    slices: Object.fromEntries(kept),
    ...(meters ? { meters } : {}),
    target: "",
    counts: {},
    histograms: {},
    witnesses: [],
  };
}

async function record(rounds: number): Promise<RunRecord> {
  const { record, failure } = await run({
    cells: [cell],
    sources: Object.values(aaServers),
    samples: 1,
    maxSamples: 1,
    comparison: { rounds, budgetMs: 0, settled: () => false },
    command: ["bench/aa/record-baseline.ts", `${rounds}`],
    interrupted: new Promise(() => {}),
    onProgress: ({ round, sample }) => {
      if (sample) console.error(`round ${(round ?? 0) + 1} of ${rounds}`);
    },
  });
  if (failure && record.samples.length === 0) throw failure;
  const environment = { ...record.environment, kernel: record.environment.kernel.split("-")[0] };
  return recordSchema.parse({ ...record, environment, partial: null, samples: record.samples.map(slim) });
}

if (import.meta.main) {
  const made = await record(Number(Bun.argv[2] ?? 200));
  await Bun.write(Bun.argv[3] ?? baselinePath, Bun.gzipSync(JSON.stringify(made)));
}
