/**
 * All that the bench and a fleet say to each other. Plan → ready → go → progress → sent → drain → report: a
 * fleet needs nothing else, so that it can stand on another machine. (`sent` and `drain` are there
 * because a fleet cannot know by itself what the other fleets have sent to its receivers.)
 */

export type ToFleet<Plan> =
  | { type: "plan"; plan: Plan; fleet: number; fleets: number; place?: Place }
  /** What every fleet told in its `ready`, in the order of the fleets. `at`: CLOCK_MONOTONIC ns. */
  | { type: "go"; at: number; introductions: Introduction[] }
  | { type: "drain"; sent: Int32Array[] };

export type FromFleet<Report> =
  | { type: "ready"; introduction: Introduction }
  | { type: "progress"; progress: Progress }
  | { type: "sent"; sent: Int32Array }
  | { type: "report"; report: Report }
  /** The workload could not run: `unreachable` is the target's doing, `internal` ours. */
  | { type: "failed"; kind: "unreachable" | "internal"; reason: string };

/** What the other fleets must know of this one: how its connections appear to others. */
export type Introduction = { prefixes: Uint8Array[] };
/** Where a fleet stands, when the fleets of one run stand on several machines. */
export type Place = {
  /** The machine of each fleet, from 0, in the order of the fleets. */
  machines: readonly number[];
  /** What this machine's CLOCK_MONOTONIC lacks to the clock that all fleets of the run go by, nanoseconds. */
  clock: number;
};
/** So far: messages sent, and deliveries (or replies) verified. */
export type Progress = { sent: number; delivered: number };

/** The fleet's side of it, as a workload sees it. */
export type Exchange = {
  /** This fleet among all: 0 to fleets - 1. */
  fleet: number;
  fleets: number;
  /** The machine of each fleet; absent where all stand on one. */
  machines?: readonly number[];
  /** Says that all connections stand; resolves when all fleets may go. */
  ready: (introduction: Introduction) => Promise<{ at: number; introductions: Introduction[] }>;
  progress: (progress: Progress) => void;
  /** Says how many messages each of this fleet's senders sent; resolves with what every fleet's did. */
  sent: (sent: Int32Array) => Promise<Int32Array[]>;
};
