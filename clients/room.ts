/** A room as a fleet sees it: what is planned, and what the parts of one run share. */
import type { Churn } from "./churn.ts";
import type { Exchange } from "./exchange.ts";
import type { Ledger } from "./ledger.ts";
import type { Member } from "./members.ts";
import type { Reader } from "./reader.ts";
import type { Target } from "./target.ts";
import type { Windows } from "./windows.ts";
import type { RoomProtocol, RoomWire } from "./wire.ts";

/** Open: so many messages a second over all senders. Closed: so many outstanding for each sender. */
export type Load = OpenLoad | ClosedLoad;
export type OpenLoad = { loop: "open"; rate: number; senders: number };
export type ClosedLoad = { loop: "closed"; window: number; senders: number };

export type RoomPlan = {
  workload: "room";
  target: string;
  protocol: RoomProtocol;
  /** Whose CPU and memory are measured; undefined where the server's process is not known. */
  serverPid?: number | undefined;
  /** Members of the room, over all fleets. */
  connections: number;
  /** Bytes of a message, without what the protocol puts around it. */
  messageBytes: number;
  /** This run's messages: 16 bits. */
  tag: number;
  /** Where the messages' times count from: CLOCK_MONOTONIC nanoseconds. */
  epoch: number;
  warmupSeconds: number;
  /** Measured time. */
  seconds: number;
  load: Load;
  /** Connections that come and go beside the members in the measured time; fleet 0 sees to it. */
  churn?: Churn;
  /** Draining ends when nothing has come for so long. */
  quietSeconds: number;
};

/**
 * Connections that the server ended, and why the last one. `behind` of them had more bytes to come than the protocol
 * promises to keep for a slow reader: those the server was free to end, since it was this fleet that did not read.
 */
export type ConnectionsLost = { count: number; reason: string; behind: number };

/** All that the parts of one run share. */
export type Run = {
  plan: RoomPlan;
  target: Target;
  exchange: Exchange;
  wire: RoomWire;
  members: Member[];
  ledger: Ledger;
  reader: Reader;
  lost: ConnectionsLost;
  /** Bytes of a message with what the protocol puts around it, as it is sent. */
  wireBytes: number;
  /** The number in the messages of a member of this fleet. */
  senderOf: (index: number) => number;
  /** Messages offered so far, by member of this fleet. */
  sent: Int32Array;
  /** Who has heard the roll call, and which ids greetings gave. */
  present: Set<number>;
  ids: Int32Array;
  /** Bytes that have come, by member of this fleet. */
  received: Float64Array;
  lastArrival: number;
  /** Longest time between two arrivals at this fleet, nanoseconds; set to 0 when measuring begins. */
  longestSilence: number;
  windows?: Windows;
};
