/**
 * The record of a run, schema `sockbench/1`: the interchange format. Tables, comparison and report are made
 * from records alone, and nothing is printed that is not in them. Checked when written and when read.
 *
 * Units, unless a field says otherwise: times in nanoseconds, sizes in bytes, rates per second, shares 0 to 1.
 */
import { z } from "zod";
import { exitCodes, Failure } from "../../platform/failure.ts";
import { checkFolder, writeWhole } from "../../platform/write-file.ts";

const count = z.number().int().nonnegative();
const nanoseconds = z.number();
const share = z.number().min(0);

/** One fault in full: who, what, and the bytes as text (Latin-1). */
const witness = z.object({
  kind: z.string(),
  receiver: count.optional(),
  sender: count.optional(),
  sequence: count.optional(),
  text: z.string().optional(),
  /** What should have come instead. */
  expected: z.string().optional(),
});

/** Why a sample is discarded: the rule, what was measured, what is allowed, and what to do. */
const invalidity = z.object({
  rule: z.string(),
  value: z.number(),
  limit: z.number(),
  unit: z.string(),
  words: z.string(),
});

/** What the server did wrong, in words; any of them makes the exit code 1. */
const wrong = z.object({ kind: z.string(), count, words: z.string() });

/** Fleets on several machines: one machine's clock beside the first one's, by which the run went; there all are 0. */
const sampleClock = z.object({
  machine: z.string(),
  /** What it lacked to the first one's, before the sample, which its fleets went by, and after it. */
  before: nanoseconds,
  after: nanoseconds,
  /** How far a time of its fleets may be wrong. */
  bound: nanoseconds,
});

/** What a sample used while it was measured; null where this machine cannot tell. */
const meters = z.object({
  elapsed: nanoseconds,
  /** Of all the server's processes. */
  serverCpu: nanoseconds.nullable(),
  /** Why it is not known. */
  serverCpuUnknown: z.string().optional(),
  /** One entry a fleet: CPU time used by its process. */
  fleetCpu: z.array(nanoseconds),
  /** Longest time for which a fleet, or the server's threads together, could have run and waited for a CPU. */
  cpuWait: nanoseconds.nullable().optional(),
  /** The same of the server's threads alone. */
  serverWait: nanoseconds.nullable().optional(),
  /** What other programs used of the CPUs of the server or of a fleet, where that was most. */
  others: share.nullable().optional(),
  /** Share of the measured time lost to them: no more than they used, nor than was waited for. */
  contended: share.nullable().optional(),
  /** Where server and fleets have CPUs in common: share of the time in which a fleet waited for one. */
  shared: share.nullable().optional(),
  /** In rounds, shares of a CPU: what the server used while others were driven, and what those used while it was. */
  idle: share.nullable().optional(),
  othersIdle: share.nullable().optional(),
  /** Highest resident memory of the server's processes so far, bytes, each counted by itself. */
  serverMemory: z.number().nullable(),
  /** Share of the machine's CPU time that was given to others (steal in /proc/stat). */
  stolen: share.nullable(),
  /** How far the wall clock moved against the monotonic clock. */
  clockStep: nanoseconds,
  /** Datagrams dropped at full receive buffers, over the whole machine. */
  udpBufferDrops: count.nullable(),
  tcpRetransmits: count.nullable(),
  /** Open loop: share of the time in which the pacer had nothing to do, least of all fleets. */
  pacerIdle: share.optional(),
});

/** Coalescing: one row a combination. Segments are null where TCP_INFO cannot be read. */
const coalesceRow = z.object({
  path: z.enum(["direct", "through chat"]),
  payload: count,
  burst: count,
  gapMilliseconds: z.number(),
  noDelay: z.boolean(),
  mss: count.nullable(),
  ethernetMss: z.boolean(),
  messages: count,
  writes: count,
  segmentsOut: count.nullable(),
  segmentsIn: count.nullable(),
  reads: count,
  /** Messages that ended in one read. */
  perRead: z.object({ p50: count, p99: count, most: count }),
  /** How many reads ended so many messages: index is the number of messages; the last index stands for more. */
  histogram: z.array(count),
  /** Whole messages that came. */
  arrived: count,
  /** Messages split across reads. */
  cut: count,
});

/** What became of a datagram. */
const outcome = z.enum([
  "whole",
  "truncated silently",
  "truncated and told",
  "dropped silently",
  "dropped and told",
  "refused by the system",
  "registers only",
  "corrupt",
]);

const fate = z.object({
  bytes: count,
  outcome,
  arrived: count,
  told: z.string().optional(),
});

/** Resident memory before the connections were opened, and after they were. */
const readings = z.object({ before: z.number(), after: z.number() });

/** What only one scenario has to say. */
const detail = z.discriminatedUnion("scenario", [
  z.object({
    scenario: z.literal("framing"),
    stages: z.array(
      z.object({
        name: z.string(),
        tried: count,
        possible: count,
        counts: z.record(z.string(), count),
        stopped: z.string().optional(),
      }),
    ),
  }),
  z.object({ scenario: z.literal("coalesce"), rows: z.array(coalesceRow) }),
  z.object({
    scenario: z.literal("idle"),
    server: readings.nullable(),
    fleets: z.array(readings),
    /** What kept it from opening all the connections that were asked for. */
    limit: z.string().nullable(),
  }),
  z.object({
    scenario: z.literal("truncate"),
    smallBufferBytes: count,
    paths: z.array(
      z.object({
        path: z.enum(["relay", "small buffer"]),
        fates: z.array(fate),
        boundary: count.optional(),
        beyond: outcome.optional(),
      }),
    ),
  }),
]);

/** The `server` of samples that stand beside the others for comparison, and are of no server under test. */
export const REFERENCE = "reference";

const parameter = z.union([z.string(), z.number(), z.boolean(), z.null()]);

export const sampleSchema = z.object({
  scenario: z.string(),
  /** What is varied inside the scenario, such as `tcp 100 open`: samples of one variant and server compare. */
  variant: z.string(),
  /** Which server: by its name, or `target` for one that was given without. */
  server: z.string(),
  protocol: z.string(),
  target: z.string(),
  /** Place in the order of the run, from 0: samples of different variants and servers are interleaved. */
  order: count,
  /** UTC, ISO 8601. */
  startedAt: z.iso.datetime(),
  /** Whether the server ran on CPUs of its own; absent where nothing was pinned. */
  pinned: z.boolean().optional(),
  /** All that was asked for: connections, rate, window, sizes, seconds, seed. */
  parameters: z.record(z.string(), parameter),
  /** Whole numbers that must add up: sent, expected, delivered, lost and so on. */
  counts: z.record(z.string(), z.number().int()),
  /** Figures by the names of metrics.ts. */
  metrics: z.record(z.string(), z.number()),
  /** HDR histograms (V2, compressed, base64) of nanoseconds: they merge by adding. */
  histograms: z.record(z.string(), z.string()),
  /** In a comparison: samples of one round were taken together, slice beside slice in blocks. */
  round: count.optional(),
  /** Figures of each block, in the blocks' order, by their names; `metrics` has the middle of each. */
  slices: z.record(z.string(), z.array(z.number())).optional(),
  /** Slices of this server that broke a rule, so that their blocks were taken again. */
  retaken: z.record(z.string(), count).optional(),
  witnesses: z.array(witness),
  /** What the server itself says that it dropped, refused or evicted. */
  serverCounters: z.record(z.string(), count).optional(),
  meters: meters.optional(),
  clocks: z.array(sampleClock).optional(),
  wrong: z.array(wrong),
  invalid: z.array(invalidity),
  detail: detail.optional(),
});

export const environmentSchema = z.object({
  sockbench: z.string(),
  bun: z.string(),
  bunRevision: z.string(),
  platform: z.string(),
  kernel: z.string(),
  cpu: z.string(),
  cores: count,
  memory: z.number(),
  /** Soft and hard limit of open files; null where there is none. */
  openFiles: z.object({ soft: z.number().nullable(), hard: z.number().nullable() }).nullable(),
  /** Kernel settings that results depend on, by their name under /proc/sys. */
  sysctl: z.record(z.string(), z.string()),
  /** Socket options of a fresh connection here, as read back. */
  socketOptions: z.record(z.string(), z.number()),
  /** The project's commit, and whether its tree was clean; null outside of a checkout. */
  git: z.object({ commit: z.string(), clean: z.boolean() }).nullable(),
  fleets: count,
  /** CPUs for servers and of each fleet, null when they were not pinned apart; a sample says whether its server was. */
  pinned: z.object({ server: z.array(count), fleets: z.array(z.array(count)) }).nullable(),
  /** How far the clocks of two processes may differ. */
  clockUncertainty: nanoseconds,
});

/** One machine whose agent took part, besides the bench's own. */
const machine = z.object({
  name: z.string(),
  fleets: count,
  /** Whether the server under test stands on it, so that its CPU time and memory could be measured. */
  beside: z.boolean(),
  environment: environmentSchema,
});

/** What the harness itself costs, measured by `--calibrate`; latencies below the floor are its own. */
const calibration = z.object({
  /** One reading of the clock. */
  timestamp: nanoseconds,
  /** How late the pacer offers a message: median and 99th percentile, at 10,000 messages per second. */
  pacerLag: z.object({ p50: nanoseconds, p99: nanoseconds }),
  /** Round trip of an empty echo by a fleet's way, and by the plainest possible loop: medians. */
  roundTrip: z.object({ fleet: nanoseconds, plain: nanoseconds }),
  /** Deliveries per second that one fleet can verify out of memory, and messages per second it can stamp. */
  verifyRate: z.number(),
  stampRate: z.number(),
});

/** A search for the highest rate, or the largest room, at which an objective holds. */
const capacity = z.object({
  protocol: z.string(),
  server: z.string(),
  objective: z.string(),
  grow: z.enum(["rate", "connections"]),
  /** Every sample of the search, in order. Latencies are of each delivery, or of round trips. */
  steps: z.array(
    z.object({
      value: count,
      purpose: z.enum(["search", "confirm"]),
      met: z.boolean(),
      unmet: z.array(z.string()),
      achieved: z.number(),
      p50: nanoseconds.nullable(),
      p99: nanoseconds.nullable(),
      p999: nanoseconds.nullable(),
      loss: share,
      /** Share of one CPU. */
      serverBusy: share.nullable(),
      clientLimited: z.boolean(),
      /** Why a miss counts: what shows that it was more than a pause of the machine's. */
      evidence: z.array(z.object({ kind: z.string(), words: z.string() })).optional(),
      /** Of a miss without it: what the machine's own percentile and median were right afterwards. */
      machine: z.object({ percentile: z.string(), value: nanoseconds, p50: nanoseconds }).optional(),
      /** Of a miss: whether the machine was in the way, so that the sample says nothing of the server. */
      hidden: z.boolean().optional(),
      /** Though hidden: whether a queue grew while server and load generator had time to spare. */
      suspect: z.boolean().optional(),
    }),
  ),
  /** The highest value that held again in most of several samples; null when none did. */
  answer: z.object({ value: count, held: count, of: count }).nullable(),
  /** The highest value before the median latency doubled. */
  knee: z.number().nullable(),
  limit: z.enum(["server", "client", "none found"]),
  /** What that limit is known by, in words. */
  evidence: z.array(z.string()).optional(),
  /** Why there is no answer though the server may well have a capacity: the machine, or an end to the samples. */
  unjudged: z.string().optional(),
});

/** What was measured in the same blocks as the servers, and is the same program in every run. */
const yardstick = z.object({
  /** SHA-256 of its source: only of equal ones can records be compared by it. */
  sha256: z.string(),
  /** As those of the servers, beside which they were taken: of the same scenario, variant and round. */
  samples: z.array(sampleSchema),
  /** Figures of the servers as ratios to it, over the rounds, with 95 % intervals; null where there are too few. */
  ratios: z
    .array(
      z.object({
        scenario: z.string(),
        variant: z.string(),
        server: z.string(),
        metric: z.string(),
        rounds: count,
        ratio: z.number(),
        interval: z.object({ low: z.number(), high: z.number() }).nullable(),
      }),
    )
    .optional(),
});

export const recordSchema = z.object({
  schema: z.literal("sockbench/1"),
  id: z.string(),
  startedAt: z.iso.datetime(),
  finishedAt: z.iso.datetime(),
  /** Why the run ended before its time; null when it did not. */
  partial: z.string().nullable(),
  command: z.array(z.string()),
  environment: environmentSchema,
  /** Where the fleets stood on other machines; then `environment` is the bench's. */
  machines: z.array(machine).optional(),
  calibration: calibration.optional(),
  capacity: capacity.optional(),
  samples: z.array(sampleSchema),
  yardstick: yardstick.optional(),
  /** Warnings in words, about the run as a whole. */
  warnings: z.array(z.string()),
});

export type RunRecord = z.infer<typeof recordSchema>;
export type Outcome = z.infer<typeof outcome>;
export type Sample = z.infer<typeof sampleSchema>;
export type Environment = z.infer<typeof environmentSchema>;
export type Calibration = z.infer<typeof calibration>;
export type Invalidity = z.infer<typeof invalidity>;
export type Wrong = z.infer<typeof wrong>;
export type Machine = z.infer<typeof machine>;
export type SampleClock = z.infer<typeof sampleClock>;
export type Meters = z.infer<typeof meters>;

/** A name that sorts by time and is not given twice. */
export function newRecordId(at: Date): string {
  return `${at.toISOString().replace(/[:.]/g, "-").slice(0, 19)}Z-${crypto.randomUUID().slice(0, 8)}`;
}

/** Writes a record as `<folder>/<id>.json` and returns the path; where it cannot, throws a usage error in words. */
export async function writeRecord(record: RunRecord, folder: string): Promise<string> {
  const text = `${JSON.stringify(recordSchema.parse(record), null, 1)}\n`;
  checkFolder("--results", folder);
  const path = `${folder}/${record.id}.json`;
  writeWhole(path, text);
  return path;
}

/** Reads a record; a file that is missing, no JSON, or not of the schema is told in one line. */
export async function readRecord(path: string): Promise<RunRecord> {
  const fail = (why: string) => new Failure(exitCodes.usage, `record ${path}: ${why}`);
  const file = Bun.file(path);
  if (!(await file.exists())) throw fail("there is no such file");
  let value: unknown;
  try {
    value = await file.json();
  } catch {
    throw fail("not JSON; was it truncated?");
  }
  const parsed = recordSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw fail(`not of schema sockbench/1: ${issue.path.join(".") || "the whole"}: ${issue.message}`);
}
