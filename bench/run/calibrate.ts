/** Measuring the harness itself, on the echo server of this project: the floor under every latency it reports. */
import type { CalibrateReport } from "../../clients/workloads/calibrate.ts";
import { implementation } from "../../targets/programs.ts";
import type { Calibration } from "../record/record.ts";
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
