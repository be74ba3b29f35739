/** Records for tests: made up, with noise of a known size, the same for the same seed. */

import { seededRandom } from "../../platform/random.ts";
import type { RunRecord, Sample } from "../record/record.ts";

export function sampleOf(parts: Partial<Sample> = {}): Sample {
  return {
    scenario: "fanout",
    variant: "tcp 100 closed",
    server: "bun",
    protocol: "chat/bracket",
    target: "",
    order: 0,
    startedAt: "2026-01-01T00:00:00.000Z",
    parameters: { loop: "closed", connections: 100 },
    counts: {},
    metrics: {},
    histograms: {},
    witnesses: [],
    wrong: [],
    invalid: [],
    ...parts,
  };
}

export function recordOf(id: string, samples: Sample[], parts: Partial<RunRecord> = {}): RunRecord {
  return {
    schema: "sockbench/1",
    id,
    startedAt: "2026-01-01T00:00:00.000Z",
    finishedAt: "2026-01-01T00:01:00.000Z",
    partial: null,
    command: ["bench"],
    environment: {
      sockbench: "0.1.0",
      bun: "1.4.5",
      bunRevision: "a",
      platform: "linux x64",
      kernel: "6.0",
      cpu: "one",
      cores: 4,
      memory: 16 * 2 ** 30,
      openFiles: null,
      sysctl: { "net/core/rmem_max": "212992" },
      socketOptions: { "tcp TCP_NODELAY": 1 },
      git: { commit: "0123456789abcdef", clean: true },
      fleets: 1,
      pinned: null,
      clockUncertainty: 100,
    },
    samples,
    warnings: [],
    ...parts,
  };
}

/** `n` samples whose figures lie about the given ones, evenly spread over ± `noise`. */
export function noisy(
  n: number,
  metrics: Record<string, number>,
  { noise = 0.03, seed = 1, ...parts }: Partial<Sample> & { noise?: number; seed?: number } = {},
): Sample[] {
  const random = seededRandom(seed);
  return Array.from({ length: n }, (_, order) =>
    sampleOf({
      ...parts,
      order,
      metrics: Object.fromEntries(
        Object.entries(metrics).map(([name, value]) => [name, value * (1 + noise * (2 * random() - 1))]),
      ),
    }),
  );
}

/** Normal numbers (Box and Muller); `heavy` has now and then one of four times the spread, as a noisy machine has. */
export function normal(seed: number, heavy = false): () => number {
  const random = seededRandom(seed);
  return () => {
    const wide = heavy && random() < 0.1 ? 4 : 1;
    return wide * Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  };
}
