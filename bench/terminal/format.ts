/** Figures and tables as a person reads them in a terminal. */
import Table from "cli-table3";
import { median as medianOf } from "simple-statistics";

const scale = (value: number, steps: readonly (readonly [number, string])[]): string => {
  const [unit, name] = steps.find(([unit]) => Math.abs(value) >= unit) ?? steps[steps.length - 1];
  const scaled = value / unit;
  const digits = Math.abs(scaled) >= 100 || Number.isInteger(scaled) ? 0 : Math.abs(scaled) >= 10 ? 1 : 2;
  return `${scaled.toFixed(digits)}${name}`;
};

/** Nanoseconds as `12.3 µs`. */
export const duration = (ns: number | undefined): string =>
  ns === undefined
    ? "–"
    : scale(ns, [
        [1e9, " s"],
        [1e6, " ms"],
        [1e3, " µs"],
        [1, " ns"],
      ]);

/** A count or a rate as `1.25 M`. */
export const amount = (value: number | undefined): string =>
  value === undefined
    ? "–"
    : scale(value, [
        [1e9, " G"],
        [1e6, " M"],
        [1e3, " k"],
        [1, ""],
      ]);

/** Bytes as `12.3 KiB`. */
export const bytes = (value: number | undefined): string =>
  value === undefined
    ? "–"
    : scale(value, [
        [2 ** 30, " GiB"],
        [2 ** 20, " MiB"],
        [2 ** 10, " KiB"],
        [1, " B"],
      ]);

/** A share as `0.3 %`. */
export const percent = (share: number | undefined): string =>
  share === undefined ? "–" : `${(share * 100).toFixed(share !== 0 && Math.abs(share) < 0.1 ? 1 : 0)} %`;

/** A whole number with separators. */
export const whole = (value: number): string => value.toLocaleString("en-US");

/** A compact table: first column to the left, figures to the right, no lines but under the head. */
export function table(head: string[], rows: string[][]): string {
  const none = Object.fromEntries(
    ["top", "top-mid", "top-left", "top-right", "bottom", "bottom-mid", "bottom-left", "bottom-right"]
      .concat(["left", "left-mid", "mid", "mid-mid", "right", "right-mid"])
      .map((part) => [part, ""]),
  );
  const made = new Table({
    head,
    chars: { ...none, middle: "  " },
    style: { head: [], border: [], "padding-left": 0, "padding-right": 0 },
    colAligns: head.map((_, i) => (i === 0 ? "left" : "right")),
  });
  made.push(...rows);
  return made.toString();
}

/** The median; undefined of nothing. */
export const median = (values: readonly number[]): number | undefined =>
  values.length === 0 ? undefined : medianOf([...values]);
