/** Coalescing: how messages map to segments and to reads. */
import type { CoalescePlan, CoalesceReport, Cell as Row } from "../../clients/workloads/coalesce.ts";
import type { Sample } from "../record/record.ts";
import { amount, table, whole } from "../terminal/format.ts";
import { barHistogram } from "../terminal/plots.ts";
import { protocolsFor, type Scenario } from "./scenario.ts";

const PAYLOADS = [16, 100, 1000, 4000];
const BURSTS = [1, 10, 100];
const GAPS_MS = [0, 2];
const MESSAGES = 200;
const MAX_BURSTS = 10;
const TIMEOUT_SECONDS = 60;

export const coalesce: Scenario = {
  name: "coalesce",
  summary: "messages per segment and per read, and messages cut in two",
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
  table: (samples) => samples.map(coalesceTable).join("\n\n"),
};

const toRow = ({ mss, segmentsOut, segmentsIn, ...rest }: Row) => ({
  ...rest,
  mss: mss ?? null,
  segmentsOut: segmentsOut ?? null,
  segmentsIn: segmentsIn ?? null,
});

type Rows = Extract<NonNullable<Sample["detail"]>, { scenario: "coalesce" }>["rows"];

/** One line for each path, MSS and NODELAY: all payloads, bursts and gaps together; the record has each. */
function coalesceTable({ detail, server }: Sample): string {
  if (detail?.scenario !== "coalesce") return "";
  const kinds = Map.groupBy(
    detail.rows,
    ({ path, ethernetMss, noDelay }) =>
      `${path === "direct" ? path : `${path} ${server}`}, MSS ${ethernetMss ? "1,448" : "loopback"}, NODELAY ${noDelay ? "on" : "off"}`,
  );
  const rows = [...kinds].map(([name, list]) => {
    const sum = (value: (row: Rows[number]) => number | null) =>
      list.reduce((all, row) => all + (value(row) ?? 0), 0);
    const messages = sum((row) => row.messages);
    const perSegment = (segments: number) => (segments > 0 ? amount(messages / segments) : "–");
    const reads = list.map(({ perRead }) => perRead);
    const middle = reads.map(({ p50 }) => p50).sort((a, b) => a - b)[reads.length >> 1];
    return [
      name,
      whole(messages),
      perSegment(sum((row) => row.segmentsOut)),
      perSegment(sum((row) => row.segmentsIn)),
      `${middle} ${Math.max(...reads.map(({ p99 }) => p99))} ${Math.max(...reads.map(({ most }) => most))}`,
      whole(sum((row) => row.cut)),
    ];
  });
  const histogram: number[] = [];
  for (const row of detail.rows)
    row.histogram.forEach((reads, ended) => {
      histogram[ended] = (histogram[ended] ?? 0) + reads;
    });
  return [
    table(
      ["coalesce", "messages", "per segment out", "per segment in", "per read p50 p99 most", "cut in two"],
      rows,
    ),
    `messages that ended in one read (${whole(histogram.reduce((a, b) => a + (b ?? 0), 0))} reads):`,
    barHistogram(histogram),
  ].join("\n");
}
