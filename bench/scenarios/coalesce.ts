/** Coalescing: how messages map to segments and to reads. */
import type { CoalescePlan, CoalesceReport, Cell as Row } from "../../clients/workloads/coalesce.ts";
import { median } from "../record/cells.ts";
import type { Sample } from "../record/record.ts";
import { whole } from "../record/units.ts";
import type { DetailTable } from "./columns.ts";
import { protocolsFor, type Scenario } from "./scenario.ts";

const PAYLOADS = [16, 100, 1000, 4000];
const BURSTS = [1, 10, 100];
const GAPS_MS = [0, 2];
const MESSAGES = 200;
const MAX_BURSTS = 10;
const TIMEOUT_SECONDS = 60;

export const coalesce: Scenario = {
  name: "coalesce",
  summary: "messages per segment and per read, and messages split across reads",
  // One room of lines tells what the kernel does; that each begins with the sender's address, what is awaited.
  fits: ({ dialect, primary }) => dialect !== undefined && primary === true,
  cells: (options) =>
    protocolsFor(coalesce, options).map(({ name: protocol }) => ({
      scenario: "coalesce",
      variant: protocol,
      protocol,
      parameters: {
        protocol,
        messages: MESSAGES,
        maxBursts: MAX_BURSTS,
        ...(options.size ? { size: options.size } : {}),
      },
      repeats: false,
      async run(context) {
        const plan: CoalescePlan = {
          workload: "coalesce",
          target: context.target,
          protocol,
          payloads: options.size ? [options.size] : PAYLOADS,
          bursts: BURSTS,
          gapsMilliseconds: GAPS_MS,
          messages: MESSAGES,
          maxBursts: MAX_BURSTS,
        };
        const [{ cells }] = await context.fleets.run<CoalesceReport>(plan, {
          fleets: 1,
          onProgress: context.onProgress,
          broken: context.broken,
          timeoutSeconds: TIMEOUT_SECONDS,
        });
        const messages = cells.reduce((sum, row) => sum + row.messages, 0);
        const missing = messages - cells.reduce((sum, { arrived }) => sum + arrived, 0);
        return {
          counts: { messages, missing },
          metrics: {},
          histograms: {},
          witnesses: [],
          wrong: missing > 0 ? [{ kind: "missing", count: missing, words: "messages did not arrive" }] : [],
          detail: { scenario: "coalesce", rows: cells.map(toRow) },
        };
      },
    })),
  details: (samples) => samples.flatMap(detailOf),
};

const toRow = ({ mss, segmentsOut, segmentsIn, ...rest }: Row) => ({
  ...rest,
  mss: mss ?? null,
  segmentsOut: segmentsOut ?? null,
  segmentsIn: segmentsIn ?? null,
});

type Rows = Extract<NonNullable<Sample["detail"]>, { scenario: "coalesce" }>["rows"];

/** A row for each path, MSS and TCP_NODELAY: all payloads, bursts and gaps together; the record has each. */
function detailOf({ detail, server }: Sample): DetailTable[] {
  if (detail?.scenario !== "coalesce") return [];
  const kinds = Map.groupBy(detail.rows, ({ path, ethernetMss, noDelay }) =>
    [path === "direct" ? path : server, ethernetMss ? "1,448" : "loopback", noDelay ? "on" : "off"].join(
      "\n",
    ),
  );
  const histogram: number[] = [];
  for (const row of detail.rows)
    row.histogram.forEach((reads, ended) => {
      histogram[ended] = (histogram[ended] ?? 0) + reads;
    });
  const total = (counts: readonly number[]) => counts.reduce((sum, count) => sum + (count ?? 0), 0);
  const messages = total(detail.rows.map((row) => row.messages));
  return [
    {
      head: [
        "coalesce",
        "MSS",
        "NODELAY",
        "per segment out",
        "per segment in",
        "per read p50",
        "per read p99",
        "per read most",
        "split across reads",
      ],
      rows: [...kinds].map(([kind, rows]) => [...kind.split("\n"), ...ratiosOf(rows)]),
      bars: {
        title: `messages that ended in one read (${whole(messages)} messages, ${whole(total(histogram))} reads)`,
        counts: histogram,
      },
    },
  ];
}

/** Messages per segment and per read, and how many were split across reads. */
function ratiosOf(rows: Rows): (number | undefined)[] {
  const sum = (value: (row: Rows[number]) => number | null) =>
    rows.reduce((all, row) => all + (value(row) ?? 0), 0);
  const messages = sum((row) => row.messages);
  const perSegment = (segments: number) => (segments > 0 ? messages / segments : undefined);
  const reads = rows.map(({ perRead }) => perRead);
  return [
    perSegment(sum((row) => row.segmentsOut)),
    perSegment(sum((row) => row.segmentsIn)),
    median(reads.map(({ p50 }) => p50)),
    Math.max(...reads.map(({ p99 }) => p99)),
    Math.max(...reads.map(({ most }) => most)),
    sum((row) => row.cut),
  ];
}
