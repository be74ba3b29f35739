/** What the harness itself costs, as a table in the terminal, and what follows from it. */
import type { Calibration } from "../record/record.ts";
import { amount, duration } from "../record/units.ts";
import { table } from "./format.ts";

export function calibrationTable(measured: Calibration): string {
  const { timestamp, pacerLag, roundTrip, verifyRate, stampRate } = measured;
  const rows = [
    ["one reading of the clock", duration(timestamp)],
    ["pacer lag at 10,000 messages per second, p50", duration(pacerLag.p50)],
    ["pacer lag at 10,000 messages per second, p99", duration(pacerLag.p99)],
    ["empty echo, through a fleet, p50", duration(roundTrip.fleet)],
    ["empty echo, by the plainest loop, p50", duration(roundTrip.plain)],
    ["messages of 64 bytes that one fleet can stamp", `${amount(stampRate)}/s`],
    ["deliveries of 64 bytes that one fleet can verify", `${amount(verifyRate)}/s`],
  ];
  return `${table(["the harness itself", ""], rows)}\na latency below ${duration(roundTrip.fleet)} is the harness's own`;
}
