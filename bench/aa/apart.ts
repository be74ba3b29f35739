/**
 * The same commit on several occasions (`bun run aa --apart`): how far its figures lie apart, raw and by the yardstick, and
 * how often two runs of it are told apart. Every second occasion can be one beside a program that takes half of a core.
 * Records are kept in a folder, so that occasions can be added on another day.
 */
import { mean, sampleStandardDeviation } from "simple-statistics";
import { atExit } from "../../platform/at-exit.ts";
import { exitCodes, Failure } from "../../platform/failure.ts";
import { compareRecords } from "../compare/compare.ts";
import type { Comparison } from "../compare/comparison.ts";
import { everyRecord } from "../compare/find.ts";
import { cellsOf, medianOf } from "../record/cells.ts";
import { metrics } from "../record/metrics.ts";
import type { RunRecord } from "../record/record.ts";
import { percent } from "../record/units.ts";
import { byYardstick } from "../record/yardstick.ts";
import { table } from "../terminal/format.ts";

export type Occasions = {
  occasions: number;
  /** Where the records are kept; those that are there already count, too. */
  folder: string;
  /** What `bench` is asked for, after its name. */
  asked: readonly string[];
  /** Whether every second occasion is beside a program that takes half of a core. */
  loaded: boolean;
  /** Percent of CPU time on top; then every second pair of occasions is of a room of chat/bracket that is slower by it. */
  slower?: number;
  threshold: number;
};

/** What a record's command line has where its server was slowed. */
const SLOWED = "servers/mutants/chat-slow.ts";
const slowed = (percent: number): string[] => [
  "--server",
  `bun=${process.execPath} ${import.meta.dir}/../../${SLOWED} --extra ${percent} --port 0 --json`,
];
const isSlowed = ({ command }: RunRecord): boolean => command.some((text) => text.includes(SLOWED));

/** Half of a core, in turns of 50 ms, until it is ended. */
const HALF_A_CORE =
  "for (;;) { const end = performance.now() + 50; while (performance.now() < end); await Bun.sleep(50); }";

/** Runs `bench` once, as a user does. */
async function takeOccasion({ folder, asked }: Occasions, loaded: boolean, more: string[]): Promise<void> {
  const load = loaded ? Bun.spawn([process.execPath, "-e", HALF_A_CORE]) : undefined;
  const dismissLoad = atExit(() => load?.kill());
  try {
    const program = `${import.meta.dir}/../sockbench.ts`;
    const argv = [process.execPath, program, "bench", ...asked, ...more, "--busy", "--results", folder];
    const bench = Bun.spawn(argv, { stdin: "ignore", stdout: "ignore", stderr: "pipe" });
    const dismiss = atExit(() => bench.kill());
    const [stderr, code] = await Promise.all([bench.stderr.text(), bench.exited]);
    dismiss();
    if (code !== exitCodes.ok && code !== exitCodes.untrusted)
      throw new Failure(code as 1 | 2 | 3, `bench ended with ${code}: ${stderr.trimEnd().split("\n").pop()}`);
    console.error(`an occasion${loaded ? " beside a load" : ""}: exit code ${code}`);
  } finally {
    load?.kill();
    await load?.exited;
    dismissLoad();
  }
}

/** Takes the occasions that are asked for, and tells what all records of the folder say of each other. */
export async function takeOccasions(options: Occasions): Promise<string> {
  for (let i = 0; i < options.occasions; i++)
    await takeOccasion(
      options,
      options.loaded && i % 2 === 1,
      options.slower !== undefined && i % 4 > 1 ? slowed(options.slower) : [],
    );
  const records = (await everyRecord(options.folder)).map(({ record }) => record);
  const equal = records.filter((record) => !isSlowed(record));
  return [spreadTable(equal), pairsText(equal, records.filter(isSlowed), options.threshold)].join("\n\n");
}

type Spread = { class: string; raw: number; yardstick: number };

/** How far each figure lies apart over the occasions: standard deviations of logarithms. */
export function spreadsOf(records: readonly RunRecord[]): Spread[] {
  const [first] = records;
  return cellsOf(first?.samples ?? []).flatMap((cell) =>
    [...metrics.values()].flatMap(({ key, class: kind, shown }) => {
      if (shown !== "tested") return [];
      const each = records.map((record) => {
        const same = cellsOf(record.samples).find(
          ({ scenario, variant, server }) =>
            scenario === cell.scenario && variant === cell.variant && server === cell.server,
        );
        return { raw: medianOf(same?.valid ?? [], key), ratios: byYardstick(record, cell, key) };
      });
      const raw = each.flatMap(({ raw }) => (raw ? [Math.log(raw)] : []));
      const by = each.flatMap(({ ratios }) => (ratios.length > 0 ? [mean(ratios)] : []));
      if (by.length < 2 || by.length < records.length) return [];
      return [{ class: kind, raw: sampleStandardDeviation(raw), yardstick: sampleStandardDeviation(by) }];
    }),
  );
}

const rms = (values: readonly number[]) => Math.sqrt(mean(values.map((value) => value ** 2)));

function spreadTable(records: readonly RunRecord[]): string {
  const rows = [...Map.groupBy(spreadsOf(records), (one) => one.class)].map(([name, of]) => [
    name,
    `${of.length}`,
    percent(rms(of.map(({ raw }) => raw))),
    percent(Math.max(...of.map(({ raw }) => raw))),
    percent(rms(of.map(({ yardstick }) => yardstick))),
    percent(Math.max(...of.map(({ yardstick }) => yardstick))),
  ]);
  const head = [`${records.length} occasions`, "figures", "raw", "worst", "by the yardstick", "worst"];
  return table(head, rows);
}

type Counted = { pairs: number; alarms: number; tested: number; decided: number };

/** Each two records, the earlier one first. */
export function countPairs(records: readonly RunRecord[], threshold: number): Counted {
  const counted: Counted = { pairs: 0, alarms: 0, tested: 0, decided: 0 };
  for (const [i, old] of records.entries())
    for (const now of records.slice(i + 1)) {
      const verdicts = verdictsOf(compareRecords(old, now, { threshold }));
      counted.pairs++;
      counted.tested += verdicts.length;
      counted.decided += verdicts.filter((verdict) => verdict !== "undecided").length;
      if (verdicts.some((verdict) => verdict === "faster" || verdict === "slower")) counted.alarms++;
    }
  return counted;
}

const verdictsOf = ({ cells }: Comparison) =>
  cells.flatMap(({ rows }) => rows.flatMap(({ verdict }) => verdict ?? []));

/** In how many of the pairs of an equal and a slowed server its CPU time is said to be more. */
export function countFound(
  equal: readonly RunRecord[],
  slower: readonly RunRecord[],
  threshold: number,
): { pairs: number; found: number } {
  const all = equal.flatMap((old) => slower.map((now) => compareRecords(old, now, { threshold })));
  const found = all.filter(({ cells }) =>
    cells.some(({ rows }) =>
      rows.some(({ class: of, verdict }) => of === "server CPU" && verdict === "slower"),
    ),
  );
  return { pairs: all.length, found: found.length };
}

const withoutYardstick = ({ yardstick: _, ...record }: RunRecord): RunRecord => record;

function pairsText(equal: readonly RunRecord[], slower: readonly RunRecord[], threshold: number): string {
  const sides = [
    ["raw", equal.map(withoutYardstick), slower.map(withoutYardstick)],
    ["by the yardstick", equal, slower],
  ] as const;
  const foundOf = (one: (typeof sides)[number]) => {
    const { pairs, found } = countFound(one[1], one[2], threshold);
    return pairs > 0 ? [`${found} of ${pairs}`] : [];
  };
  const row = (name: string, { pairs, alarms, tested, decided }: Counted) => [
    name,
    `${pairs}`,
    `${alarms}`,
    `${decided} of ${tested} (${percent(decided / Math.max(1, tested))})`,
  ];
  return table(
    [
      `at ± ${percent(threshold)}`,
      "pairs",
      "false alarms",
      "figures decided",
      ...(slower.length > 0 ? ["slower found"] : []),
    ],
    sides.map((one) => [...row(one[0], countPairs(one[1], threshold)), ...foundOf(one)]),
  );
}
