/** The workloads a fleet knows: one file each, one line here. */
import type { Exchange } from "../exchange.ts";
import { type RoomPlan, type RoomReport, runRoom } from "./room.ts";

export type Plan = RoomPlan;
export type Report = RoomReport;

const workloads = {
  room: runRoom,
};

export function runWorkload(plan: Plan, exchange: Exchange): Promise<Report> {
  return workloads[plan.workload](plan, exchange);
}
