/** The workloads a fleet knows: one file each, one line here. */
import type { Exchange } from "../exchange.ts";
import { type CalibratePlan, type CalibrateReport, runCalibrate } from "./calibrate.ts";
import { type CoalescePlan, type CoalesceReport, runCoalesce } from "./coalesce.ts";
import { type FramingPlan, type FramingReport, runFraming } from "./framing.ts";
import { type RoomPlan, type RoomReport, runRoom } from "./room.ts";
import { runSum, type SumPlan, type SumReport } from "./sum.ts";
import { runTruncate, type TruncatePlan, type TruncateReport } from "./truncate.ts";

export type Plan = RoomPlan | SumPlan | FramingPlan | CoalescePlan | TruncatePlan | CalibratePlan;
export type Report =
  | RoomReport
  | SumReport
  | FramingReport
  | CoalesceReport
  | TruncateReport
  | CalibrateReport;

type Workload = (plan: Plan, exchange: Exchange) => Promise<Report>;

const workloads = {
  room: runRoom,
  sum: runSum,
  framing: runFraming,
  coalesce: runCoalesce,
  truncate: runTruncate,
  calibrate: runCalibrate,
};

export function runWorkload(plan: Plan, exchange: Exchange): Promise<Report> {
  // The plan's own name chose the function: they fit.
  return (workloads[plan.workload] as Workload)(plan, exchange);
}
