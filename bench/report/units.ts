/** Numbers as a person reads them on the page: as in the terminal, and exact where a byte matters. */

import type { Metric, Unit } from "../record/metrics.ts";
import { amount, duration, whole } from "../record/units.ts";

/** At most three digits that count, and no zeros behind the point. */
export function digits(value: number): string {
  if (Math.abs(value) >= 999.5) return whole(Math.round(value));
  return String(Number(value.toPrecision(3)));
}

/** A number is not parted from its unit at the end of a line. */
const unbroken = (text: string): string => text.replaceAll(" ", "\u00a0");

export const time = (nanoseconds: number): string =>
  nanoseconds === 0 ? "0" : unbroken(duration(nanoseconds));
/** 1.25 M/s: the rate of whatever the heading names. */
export const rate = (perSecond: number): string => unbroken(`${amount(perSecond)}/s`);
export const count = (value: number): string => whole(value);
/** With all the digits that there are: one message lost in a million must not read as none. */
export const percent = (share: number): string => `${digits(share * 100)}\u00a0%`;
/** 1.08 as "×1.08". */
export const ratio = (value: number): string => `×${value.toFixed(Math.abs(value - 1) < 0.1 ? 3 : 2)}`;

/** Exact as long as it can be read: what becomes of 1,473 bytes is not what becomes of 1,472. */
export function bytes(size: number): string {
  if (size >= 2 ** 30) return `${digits(size / 2 ** 30)}\u00a0GiB`;
  if (size >= 2 ** 20) return `${digits(size / 2 ** 20)}\u00a0MiB`;
  return size >= 2 ** 14 && size % 1024 === 0 ? `${size / 1024}\u00a0KiB` : `${whole(size)}\u00a0B`;
}

const formats: Record<Unit, (value: number) => string> = {
  ns: time,
  "/s": rate,
  "bytes/s": (value) => `${bytes(Math.round(value))}/s`,
  share: percent,
  bytes: (value) => bytes(Math.round(value)),
  count: digits,
};

export const describeValue = ({ unit }: Pick<Metric, "unit">, value: number): string => formats[unit](value);

/** 2026-11-21 02:10:59 UTC: two runs of one minute are told apart. */
export const moment = (iso: string): string => `${iso.slice(0, 10)} ${iso.slice(11, 19)} UTC`;
