/** Truncation: what becomes of datagrams of each size, and where exactly that changes. */
import type { Fate, TruncatePlan, TruncateReport } from "../../clients/workloads/truncate.ts";
import type { Sample } from "../record/record.ts";
import { whole } from "../record/units.ts";
import type { DetailTable } from "./columns.ts";
import { protocolsFor, type SampleParts, type Scenario } from "./scenario.ts";

const SIZES = [
  0, 1, 255, 256, 257, 508, 1023, 1024, 1025, 1472, 1473, 2048, 4096, 8192, 9216, 16_384, 65_507, 65_508,
];
const SMALL_BUFFER_BYTES = 1024;
const TIMEOUT_SECONDS = 60;

export const truncate: Scenario = {
  name: "truncate",
  summary: "datagrams of every size: whole, truncated, dropped or refused, and the exact boundary",
  fits: ({ room, transport }) => room !== undefined && transport === "udp",
  cells: (options) =>
    protocolsFor(truncate, options).map(({ name: protocol, promises }) => ({
      scenario: "truncate",
      variant: protocol,
      protocol,
      parameters: { protocol, smallBufferBytes: SMALL_BUFFER_BYTES },
      repeats: false,
      async run(context) {
        const plan: TruncatePlan = {
          workload: "truncate",
          target: context.target,
          protocol,
          sizes: SIZES,
          smallBufferBytes: SMALL_BUFFER_BYTES,
        };
        const [report] = await context.fleets.run<TruncateReport>(plan, {
          fleets: 1,
          onProgress: context.onProgress,
          broken: context.broken,
          timeoutSeconds: TIMEOUT_SECONDS,
        });
        return {
          ...judge(report.paths, promises.wholeUpTo ?? 0),
          metrics: {},
          histograms: {},
          detail: { scenario: "truncate", smallBufferBytes: report.smallBufferBytes, paths: report.paths },
        };
      },
    })),
  details: (samples) => samples.flatMap(detailsOf),
};

/** What a server does to larger datagrams is its own affair: only what it changes, or cuts within the limit, is wrong. */
function judge(
  paths: TruncateReport["paths"],
  wholeUpTo: number,
): Pick<SampleParts, "counts" | "witnesses" | "wrong"> {
  const fates = paths.flatMap(({ fates }) => fates);
  const relayed = paths.filter(({ path }) => path === "relay").flatMap(({ fates }) => fates);
  const cut = ({ bytes, outcome }: Fate) => bytes <= wholeUpTo && outcome.startsWith("truncated");
  const faults = [
    {
      kind: "corrupt",
      words: "datagrams arrived changed",
      found: fates.filter((one) => one.outcome === "corrupt"),
    },
    { kind: "truncated", words: `datagrams of up to ${whole(wholeUpTo)} bytes`, found: relayed.filter(cut) },
  ];
  return {
    counts: {
      tried: fates.length,
      ...Object.fromEntries(faults.map(({ kind, found }) => [kind, found.length])),
    },
    witnesses: faults.flatMap(({ kind, found }) =>
      found.map(({ bytes, arrived }) => ({ kind, text: `a datagram of ${bytes} bytes: ${arrived} arrived` })),
    ),
    wrong: faults.flatMap(({ kind, words, found }) =>
      found.length > 0 ? [{ kind, count: found.length, words }] : [],
    ),
  };
}

type Paths = Extract<NonNullable<Sample["detail"]>, { scenario: "truncate" }>["paths"];

/** Sizes of one fate that follow one another are one row; then the boundary as a sentence. */
function detailsOf({ detail, server }: Sample): DetailTable[] {
  if (detail?.scenario !== "truncate") return [];
  return detail.paths.map((path) => {
    const name =
      path.path === "relay" ? `relay ${server}` : `receiver with ${detail.smallBufferBytes} bytes of buffer`;
    const runs: { from: number; to: number; outcome: string; arrived: number }[] = [];
    for (const { bytes, outcome, arrived } of path.fates) {
      const last = runs.at(-1);
      if (last && last.outcome === outcome) Object.assign(last, { to: bytes, arrived });
      else runs.push({ from: bytes, to: bytes, outcome, arrived });
    }
    const rows = runs.map(({ from, to, outcome, arrived }) => [
      from === to ? whole(from) : `${whole(from)} – ${whole(to)}`,
      outcome,
      outcome.startsWith("truncated") ? arrived : "",
    ]);
    return { head: [name, "fate", "arrived"], rows, notes: [boundarySentence(name, path)] };
  });
}

/** `truncates silently at 1,024`, in words that name the last size that passes. */
export function boundarySentence(name: string, { boundary, beyond }: Paths[number]): string {
  if (boundary === undefined) return `${name}: no size arrived whole`;
  if (beyond === undefined) return `${name}: passes every size that the system takes`;
  const verbs: Record<string, string> = {
    "truncated silently": "truncates silently",
    "truncated and told": "truncates, and tells,",
    "dropped silently": "drops silently",
    "dropped and told": "drops, and tells,",
    "refused by the system": "is refused by the system",
    corrupt: "corrupts",
  };
  return `${name}: ${verbs[beyond]} at ${whole(boundary)}: ${whole(boundary + 1)} bytes do not arrive whole`;
}
