/** How values are written for people, by the unit that their metric has. */
import type { Unit } from "./metrics.ts";

/** What stands where there is no value. */
export const NONE = "–";

const scale = (value: number, steps: readonly (readonly [number, string])[]): string => {
  const [unit, name] = steps.find(([unit]) => Math.abs(value) >= unit) ?? steps[steps.length - 1];
  const scaled = value / unit;
  const size = Math.abs(scaled);
  const digits = size >= 99.95 || Number.isInteger(scaled) ? 0 : size >= 9.995 ? 1 : 2;
  return `${scaled.toFixed(digits)}${name}`;
};

/** Nanoseconds as `12.3 µs`. */
export const duration = (ns: number): string =>
  scale(ns, [
    [1e9, " s"],
    [1e6, " ms"],
    [1e3, " µs"],
    [1, " ns"],
  ]);

/** A count or a rate as `1.25 M`. */
export const amount = (value: number): string =>
  scale(value, [
    [1e9, " G"],
    [1e6, " M"],
    [1e3, " k"],
    [1, ""],
  ]);

/** Bytes as `12.3 KiB`. */
export const bytes = (value: number): string =>
  scale(value, [
    [2 ** 30, " GiB"],
    [2 ** 20, " MiB"],
    [2 ** 10, " KiB"],
    [1, " B"],
  ]);

/** A share as `0.3 %`. */
export const percent = (share: number): string =>
  `${(share * 100).toFixed(share !== 0 && Math.abs(share) < 0.1 ? 1 : 0)} %`;

/** A whole number with separators. */
export const whole = (value: number): string => value.toLocaleString("en-US");

/** In a column whose head has said what is counted: a rate needs no `/s` there. */
const inColumn: Record<Unit, (value: number) => string> = {
  ns: duration,
  "/s": amount,
  "bytes/s": (value) => `${bytes(value)}/s`,
  bytes,
  share: percent,
  count: (value) => (Number.isInteger(value) && Math.abs(value) < 100_000 ? whole(value) : amount(value)),
};

export const cellText = (unit: Unit, value: number | undefined): string =>
  value === undefined ? NONE : inColumn[unit](value);

/** In a sentence, or in a table of several units: `1.25 M/s`, `850 /s`. */
export function valueText(unit: Unit, value: number): string {
  const text = inColumn[unit](value);
  return unit === "/s" ? `${text}${/[a-z]$/i.test(text) ? "" : " "}/s` : text;
}

/** `1.25 (1.20–1.31) M/s`; the unit is said once where it is the same. */
export function withInterval(
  write: (value: number) => string,
  value: number,
  interval: { low: number; high: number } | null,
): string {
  if (!interval) return write(value);
  const texts = [value, interval.low, interval.high].map(write);
  const units = texts.map((text) => text.replace(/^[-\d.,]+/, ""));
  if (new Set(units).size > 1) return `${texts[0]} (${texts[1]} – ${texts[2]})`;
  const [middle, low, high] = texts.map((text, i) => text.slice(0, text.length - units[i].length));
  return `${middle} (${low}–${high})${units[0]}`;
}
