/** Measuring the harness itself, on the echo server of this project: the floor under every latency it reports. */
import type { CalibrateReport } from "../../clients/workloads/calibrate.ts";
import { implementation } from "../../targets/programs.ts";
import type { Calibration } from "../record/record.ts";
import { amount, duration, table } from "../terminal/format.ts";
import type { Fleets } from "./fleets.ts";

const TIMEOUT_SECONDS = 60;

/** Runs the calibrate workload on one fleet. */
export async function calibrate(fleets: Fleets, interrupted: Promise<never>): Promise<Calibration> {
  const server = await implementation("bun").start("echo");
  try {
    const [{ workload: _, ...measured }] = await fleets.run<CalibrateReport>(
      { workload: "calibrate", target: server.url, protocol: "echo" },
      { fleets: 1, broken: Promise.race([server.broken, interrupted]), timeoutSeconds: TIMEOUT_SECONDS },
    );
    return measured;
  } finally {
    await server.stop();
  }
}

/** The calibration as a table, and what follows from it. */
export function calibrationTable({
  timestamp,
  pacerLag,
  roundTrip,
  verifyRate,
  stampRate,
}: Calibration): string {
  const rows = [
    ["one reading of the clock", duration(timestamp)],
    ["pacer lag at 10,000 a second, p50 and p99", `${duration(pacerLag.p50)} ${duration(pacerLag.p99)}`],
    ["empty echo, by a fleet's way, p50", duration(roundTrip.fleet)],
    ["empty echo, by the plainest loop, p50", duration(roundTrip.plain)],
    ["messages of 64 bytes that one fleet can stamp", `${amount(stampRate)}/s`],
    ["deliveries of 64 bytes that one fleet can verify", `${amount(verifyRate)}/s`],
  ];
  return `${table(["the harness itself", ""], rows)}\na latency below ${duration(roundTrip.fleet)} is the harness's own`;
}
