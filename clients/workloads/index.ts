/** The workloads a fleet knows: one file each, one line here. */
import type { Exchange } from "../exchange.ts";
import { type CoalescePlan, type CoalesceReport, runCoalesce } from "./coalesce.ts";
import { type DialoguePlan, type DialogueReport, runDialogue } from "./dialogue.ts";
import { type FramingPlan, type FramingReport, runFraming } from "./framing.ts";
import { type RoomPlan, type RoomReport, runRoom } from "./room.ts";
import { runSum, type SumPlan, type SumReport } from "./sum.ts";
import { runTruncate, type TruncatePlan, type TruncateReport } from "./truncate.ts";

export type Plan = RoomPlan | SumPlan | FramingPlan | DialoguePlan | CoalescePlan | TruncatePlan;
export type Report =
  | RoomReport
  | SumReport
  | FramingReport
  | DialogueReport
  | CoalesceReport
  | TruncateReport;

type Workload = (plan: Plan, exchange: Exchange) => Promise<Report>;

const workloads = {
  room: runRoom,
  sum: runSum,
  framing: runFraming,
  dialogue: runDialogue,
  coalesce: runCoalesce,
  truncate: runTruncate,
};

export function runWorkload(plan: Plan, exchange: Exchange): Promise<Report> {
  // The plan's own name chose the function: they fit.
  return (workloads[plan.workload] as Workload)(plan, exchange);
}
