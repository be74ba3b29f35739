#!/usr/bin/env bun
/**
 * Records what `bun run aa` judges the comparison by: `bun bench/aa/record-baseline.ts [rounds] [file]`.
 *
 * Three servers interleaved in one run (A A' S, then S A' A): the reference chat room, the same once more, and
 * servers/mutants/chat-slow.ts, which burns a known 10 % of CPU time on top. Each sample is a fresh process.
 * The record is an ordinary one; only what the comparison reads is kept of each sample, so that it stays small,
 * and of the kernel's release only the version.
 */
import { implementation, onThisBun, program } from "../../targets/programs.ts";
import { type RunRecord, recordSchema, type Sample } from "../record/record.ts";
import { run } from "../run/run.ts";
import { roomCell } from "../scenarios/fanout.ts";
import { baselinePath, baselineServers } from "./aa.ts";

const ROUNDS_AT_ONCE = 20;
const SLOW = `${import.meta.dir}/../../servers/mutants/chat-slow.ts`;

const cell = roomCell("chat/bracket", 100, "closed", {
  quick: false,
  exhaustive: false,
  seed: 1,
  warmup: 0.3,
  duration: 0.4,
});

const sources = [
  { ...implementation("bun"), name: baselineServers.a },
  { ...implementation("bun"), name: baselineServers.again },
  program(baselineServers.slow, () => onThisBun(SLOW, "--extra", "10")),
];

const digits = (value: number) => Number(value.toPrecision(5));

/** A sample without what the comparison does not read. */
function slim(sample: Sample): Sample {
  const { meters: _, detail: __, ...rest } = sample;
  const metrics = Object.fromEntries(Object.entries(rest.metrics).map(([name, v]) => [name, digits(v)]));
  return { ...rest, metrics, target: "", counts: {}, histograms: {}, witnesses: [] };
}

/** Takes `rounds` rounds, a few at a time: a run that is cut short costs its last round and no more. */
async function record(rounds: number, onPart: (whole: RunRecord) => Promise<unknown>): Promise<void> {
  let first: RunRecord | undefined;
  const samples: Sample[] = [];
  const warnings: string[] = [];
  while (samples.length < rounds * sources.length) {
    const count = Math.min(ROUNDS_AT_ONCE, rounds - samples.length / sources.length);
    const { record, failure } = await run({
      cells: [cell],
      sources,
      samples: count,
      maxSamples: count,
      command: ["bench/aa/record-baseline.ts", `${rounds}`],
      interrupted: new Promise(() => {}),
    });
    if (failure) warnings.push(`${samples.length} samples in, a run was cut short: ${failure.message}`);
    const complete = record.samples.length - (record.samples.length % sources.length);
    if (complete === 0) throw failure ?? new Error("nothing was recorded");
    for (const sample of record.samples.slice(0, complete))
      samples.push(slim({ ...sample, order: samples.length }));
    first ??= record;
    const { id, startedAt } = first;
    const environment = { ...record.environment, kernel: record.environment.kernel.split("-")[0] };
    await onPart(
      recordSchema.parse({ ...record, id, startedAt, environment, partial: null, samples, warnings }),
    );
    console.error(`${samples.length} of ${rounds * sources.length} samples`);
  }
}

if (import.meta.main) {
  const rounds = Number(Bun.argv[2] ?? 440);
  const path = Bun.argv[3] ?? baselinePath;
  await record(rounds, (whole) => Bun.write(path, Bun.gzipSync(JSON.stringify(whole))));
}
