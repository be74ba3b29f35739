/**
 * What stands between the bench and its fleets: they may be processes of this machine (fleets.ts), or those of agents on
 * others (machines/). Nothing above it knows which.
 */
import type { FromFleet, ToFleet } from "../../clients/exchange.ts";
import type { Plan, Report } from "../../clients/workloads/index.ts";
import type { Failure } from "../../platform/failure.ts";

export type Link = {
  /** How many fleets there are. */
  count: number;
  /** Those of this machine. */
  pids: number[];
  /** Hands the plan to the first `fleets` of them, each with its number, and tells from then on what they say. */
  begin: (plan: Plan, fleets: number, listener: Listener) => void;
  /** To all that were handed the plan. */
  say: (message: Exclude<ToFleet<Plan>, { type: "plan" }>) => void;
  /** So much before the time that it names must `go` be said, nanoseconds. */
  lead: number;
  stop: () => Promise<void>;
};

export type Listener = {
  hear: (fleet: number, message: FromFleet<Report>) => void;
  /** A fleet says nothing any more, or not all that it says comes. */
  lost: (reason: Failure) => void;
};
