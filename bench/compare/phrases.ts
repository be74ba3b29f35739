/** One server beside another as a predicate: `handles 6.9× (5.8–8.1) the requests per second of go, and uses …`. */
import { withInterval } from "../record/units.ts";
import type { CellComparison, FigureComparison } from "./comparison.ts";

/** `verb … the noun of go, tail`. */
type Words = { verb: string; noun: string; tail?: string };

const cpu = (each: string): Words => ({ verb: "uses", noun: "CPU", tail: ` for each ${each}` });

/** Figures that have words of their own in a sentence; of all others the label is said. */
const wordsOf: Readonly<Record<string, Words>> = {
  deliveryRate: { verb: "handles", noun: "deliveries per second" },
  requestRate: { verb: "handles", noun: "requests per second" },
  sessionRate: { verb: "handles", noun: "connections per second" },
  transferRate: { verb: "transfers", noun: "bytes per second" },
  serverCpuPerDelivery: cpu("delivery"),
  serverCpuPerRequest: cpu("request"),
  serverCpuPerSession: cpu("connection"),
  serverCpuPerMebibyte: cpu("MiB"),
  "delivery.p50": { verb: "has", noun: "delivery p50" },
  "delivery.p99": { verb: "has", noun: "delivery p99" },
  "roundTrip.p50": { verb: "has", noun: "round-trip p50" },
  "roundTrip.p99": { verb: "has", noun: "round-trip p99" },
  "session.p50": { verb: "has", noun: "connection p50" },
  "session.p99": { verb: "has", noun: "connection p99" },
  "last.p99": { verb: "has", noun: "last-receiver p99" },
  serverMemoryPeak: { verb: "uses", noun: "peak memory" },
  serverMemoryPerConnection: { verb: "uses", noun: "memory", tail: " for each connection" },
};

/** `6.9× (5.8–8.1)`, with as many digits as part the interval's ends. */
export function timesText({ estimate, interval }: NonNullable<FigureComparison["change"]>): string {
  const { low, high } = interval ?? { low: estimate, high: estimate };
  const digits = [2, 3].find((count) => low.toFixed(count) !== high.toFixed(count)) ?? 2;
  const write = (value: number) => (value >= 10 ? value.toFixed(1) : value.toFixed(value < 0.1 ? 3 : digits));
  return `${write(estimate)}×${interval ? ` (${write(low)}–${write(high)})` : ""}`;
}

function invertedChange<C extends NonNullable<FigureComparison["change"]>>(change: C): C {
  const turn = (value: number) => (change.scale === "ratio" ? 1 / value : -value);
  const { estimate, interval } = change;
  return {
    ...change,
    estimate: turn(estimate),
    interval: interval && { low: turn(interval.high), high: turn(interval.low) },
  };
}

/** The same change seen from the other side. */
export function inverted(row: FigureComparison): FigureComparison {
  const { change, verdict, ratios } = row;
  return {
    ...row,
    old: row.new,
    new: row.old,
    ratios: ratios?.map((ratio) => 1 / ratio) ?? null,
    change: change && invertedChange(change),
    verdict: verdict === "faster" ? "slower" : verdict === "slower" ? "faster" : verdict,
  };
}

/** `has 2.30 points (1.90–2.70) more lost than go`: of shares there is a difference. */
function pointsPhrase(row: FigureComparison, other: string): string {
  const { change, label } = row;
  if (change && change.estimate < 0) return pointsPhrase(inverted(row), other).replace(" more ", " less ");
  const points = withInterval(
    (value) => `${(value * 100).toFixed(2)} points`,
    change?.estimate ?? 0,
    change?.interval ?? null,
  );
  return `has ${points} more ${label} than ${other}`;
}

type Beaten = { server: string; toBest: FigureComparison["change"] };

const NAMED = 4;

/** What the best is beside those that it is better than, whose changes are to the best. */
export function aheadOf(metric: string, label: string, beaten: readonly Beaten[]): string {
  const ratios = beaten.flatMap(({ server, toBest }) =>
    toBest?.scale === "ratio" ? [{ server, times: timesText(invertedChange(toBest)) }] : [],
  );
  const rest = beaten.filter(({ toBest }) => toBest?.scale !== "ratio").map(({ server }) => server);
  const plain = rest.length > 0 ? [`is ahead of ${listedNames(rest)} in ${label}`] : [];
  const [first, ...more] = ratios;
  if (!first) return plain.join("");
  const { verb, noun, tail = "" } = wordsOf[metric] ?? { verb: "has", noun: label };
  const that = / per second$/.test(noun) ? "those" : "that";
  const parts = [
    `${first.times} the ${noun} of ${first.server}`,
    ...more.slice(0, NAMED - 1).map(({ server, times }) => `${times} ${that} of ${server}`),
    ...(more.length >= NAMED ? [`is ahead of ${more.length - NAMED + 1} more`] : []),
  ];
  return [`${verb} ${listedNames(parts)}${tail}`, ...plain].join(", and ");
}

/** `a, b and c`. */
export const listedNames = (names: readonly string[]): string =>
  names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} and ${names[names.length - 1]}`;

/** What is said of the side whose row it is, beside the other; `its` where the other was named just before. */
export function predicate(row: FigureComparison, other: string, before?: FigureComparison): string {
  const { change, metric, label, verdict } = row;
  if (!change) return `is ${verdict === "faster" ? "ahead of" : "behind"} ${other} in ${label}`;
  if (change.scale === "difference") return pointsPhrase(row, other);
  const { verb, noun, tail = "" } = wordsOf[metric] ?? { verb: "has", noun: label };
  if (!before) return `${verb} ${timesText(change)} the ${noun} of ${other}${tail}`;
  return `${verb} ${timesText(change)} ${verb === "has" ? "" : "of "}its ${noun}${tailAfter(tail, before)}`;
}

/** `for each request` after `requests per second` is `for each`. */
function tailAfter(tail: string, { metric, class: kind }: FigureComparison): string {
  const [one] = tail.split(" ").slice(-1);
  const named = kind === "throughput" && wordsOf[metric]?.noun.startsWith(one.replace(/y$/, ""));
  return tail && named ? " for each" : tail;
}

const listed = (texts: readonly string[]): string =>
  texts.length < 2 ? texts.join("") : `${texts.slice(0, -1).join(", ")}, and ${texts[texts.length - 1]}`;

/**
 * What differs in a cell, of the new side; what is for it and what is against it are parted by a `but`. Undefined where
 * no difference is decided.
 */
export function cellPhrase(rows: readonly FigureComparison[], other: string): string | undefined {
  const changed = rows.filter(({ verdict }) => verdict === "faster" || verdict === "slower");
  if (changed.length === 0) return undefined;
  const same = changed.filter(({ verdict }) => verdict === changed[0].verdict);
  const opposite = changed.filter(({ verdict }) => verdict !== changed[0].verdict);
  const said = (list: readonly FigureComparison[]) =>
    listed(list.map((row) => predicate(row, other, row === changed[0] ? undefined : changed[0])));
  return opposite.length > 0 ? `${said(same)}, but ${said(opposite)}` : said(same);
}

/** Of two servers side by side the better one in the first figure that differs is spoken of. */
export function betterSide(
  { rows }: CellComparison,
  old: string,
  now: string,
): { subject: string; other: string; rows: FigureComparison[] } {
  const first = rows.find(({ verdict }) => verdict === "faster" || verdict === "slower");
  return first?.verdict === "slower"
    ? { subject: old, other: now, rows: rows.map(inverted) }
    : { subject: now, other: old, rows };
}
