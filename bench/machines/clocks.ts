/**
 * What is known of the machines' clocks while a sample is measured: each is compared with the first machine's before and
 * after it. In between its offset is taken to go from the one to the other in a straight line.
 */
import type { ClockReading } from "./clock-port.ts";

/** How fast two clocks may part from the straight line, each: the tolerance of NTP (RFC 5905, PHI). */
const DRIFT = 15e-6;

/** The offset at a time of the machine's own clock, and how far it may be wrong. */
export function offsetAt(
  before: ClockReading,
  after: ClockReading,
  at: number,
): { offset: number; bound: number } {
  const share = after.at > before.at ? (at - before.at) / (after.at - before.at) : 0;
  const age = Math.max(0, Math.min(at - before.at, after.at - at));
  return {
    offset: before.offset + share * (after.offset - before.offset),
    bound: before.bound + share * (after.bound - before.bound) + 2 * DRIFT * age,
  };
}

/**
 * How far times between two readings may be wrong that were all taken by the offset of the first: what the second says
 * otherwise, and what both leave open.
 */
export function boundBetween(before: ClockReading, after: ClockReading): number {
  const middle = offsetAt(before, after, (before.at + after.at) / 2);
  return Math.max(
    before.bound,
    Math.abs(middle.offset - before.offset) + middle.bound,
    Math.abs(after.offset - before.offset) + after.bound,
  );
}
