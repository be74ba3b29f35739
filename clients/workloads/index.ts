/** The workloads a fleet knows: one file each, one line here. */

import type { TlsTrust } from "../endpoint.ts";
import type { Exchange } from "../exchange.ts";
import { runBlocks } from "./blocks.ts";
import { runCalibrate } from "./calibrate.ts";
import { runCoalesce } from "./coalesce.ts";
import { runConnect } from "./connect.ts";
import { runDialogue } from "./dialogue.ts";
import { runFraming } from "./framing.ts";
import { runIdle } from "./idle.ts";
import { runRoom } from "./room.ts";
import { runSum } from "./sum.ts";
import { runTransfer } from "./transfer.ts";
import { runTruncate } from "./truncate.ts";

const workloads = {
  room: runRoom,
  sum: runSum,
  framing: runFraming,
  dialogue: runDialogue,
  coalesce: runCoalesce,
  truncate: runTruncate,
  connect: runConnect,
  idle: runIdle,
  transfer: runTransfer,
  calibrate: runCalibrate,
  blocks: runBlocks,
};

type Run = (typeof workloads)[keyof typeof workloads];
/**
 * Whatever the workload: `trust` is of the target, `plannedEndpoint` reads it; `modules` are the files of protocols that
 * are none of ours.
 */
export type Plan = Parameters<Run>[0] & { trust?: TlsTrust; modules?: readonly string[] };
export type Report = Awaited<ReturnType<Run>>;

export function runWorkload(plan: Plan, exchange: Exchange): Promise<Report> {
  // The plan's own name chose the function: they fit.
  return (workloads[plan.workload] as (plan: Plan, exchange: Exchange) => Promise<Report>)(plan, exchange);
}
