/** Numbers as a person reads them: three digits and the unit that fits. */
import { type Metric, metrics } from "../metrics.ts";

type Step = readonly [from: number, unit: string];

const times: readonly Step[] = [
  [1e9, " s"],
  [1e6, " ms"],
  [1e3, " µs"],
  [1, " ns"],
];
const counts: readonly Step[] = [
  [1e9, " G"],
  [1e6, " M"],
  [1e4, " k"],
  [1, ""],
];
const sizes: readonly Step[] = [
  [1024 ** 3, " GiB"],
  [1024 ** 2, " MiB"],
  [10 * 1024, " KiB"],
  [1, " B"],
];
/** What a step counts in, where it is not the step itself: 20,480 B are 20 KiB. */
const bases: Record<string, number> = { " k": 1e3, " KiB": 1024 };

/** At most three digits that count, and no zeros behind the point. */
export function digits(value: number): string {
  if (value === 0) return "0";
  if (Math.abs(value) >= 999.5) return Math.round(value).toLocaleString("en");
  return String(Number(value.toPrecision(3)));
}

function scaled(value: number, steps: readonly Step[]): string {
  const size = Math.abs(value);
  const [from, unit] = steps.find(([least]) => size >= least * 0.9995) ?? steps[steps.length - 1];
  return `${digits(value / (bases[unit] ?? from))}${unit}`;
}

export const time = (nanoseconds: number): string => (nanoseconds === 0 ? "0" : scaled(nanoseconds, times));
/** 1.25 M/s: the rate of whatever the heading names. */
export const rate = (perSecond: number): string => {
  const text = scaled(perSecond, counts);
  return `${text}/s`;
};
export const bytes = (size: number): string => scaled(size, sizes);
export const count = (value: number): string => value.toLocaleString("en", { maximumFractionDigits: 2 });
export const percent = (share: number): string => `${digits(share * 100)} %`;
/** 1.08 as "×1.08". */
export const ratio = (value: number): string => `×${value.toFixed(Math.abs(value - 1) < 0.1 ? 3 : 2)}`;

const formats: Record<Metric["unit"], (value: number) => string> = {
  ns: time,
  "/s": rate,
  share: percent,
  bytes,
  count,
};

/** A value in its metric's unit; a metric nobody described is a bare number. */
export const inUnit = (value: number, unit: Metric["unit"] | undefined): string =>
  unit ? formats[unit](value) : digits(value);

/** 2026-11-21 02:10 UTC. */
export const moment = (iso: string): string => `${iso.slice(0, 10)} ${iso.slice(11, 16)} UTC`;

/** A value of a metric by the metric's name. */
export const describeValue = (metric: string, value: number): string => inUnit(value, metrics[metric]?.unit);
