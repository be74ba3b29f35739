/** A room as a fleet sees it: what is planned, and what the parts of one run share. */
import type { BulkRead } from "../platform/bulk-read.ts";
import type { Room } from "../protocols/protocol.ts";
import type { Churn } from "./churn.ts";
import type { Endpoint } from "./endpoint.ts";
import type { Exchange } from "./exchange.ts";
import type { Ledger } from "./ledger.ts";
import type { Member, Open } from "./members.ts";
import type { Reader } from "./reader.ts";
import type { Windows } from "./windows.ts";

/** Open: so many messages a second over all senders. Closed: so many outstanding for each sender. */
export type Load = OpenLoad | ClosedLoad;
export type OpenLoad = { loop: "open"; rate: number; senders: number };
export type ClosedLoad = { loop: "closed"; window: number; senders: number };

/** Messages that may be on their way to one receiver; of an open loop there is no telling. */
export const underWay = (load: Load): number =>
  load.loop === "closed" ? load.senders * load.window : Number.POSITIVE_INFINITY;

export type RoomPlan = {
  workload: "room";
  target: string;
  protocol: string;
  /** Whose CPU and memory are measured, with all that descends from them; none where they are not known. */
  serverPids: readonly number[];
  /** Members of the room, over all fleets. */
  connections: number;
  /** Bytes of a message, without what the protocol puts around it. */
  messageBytes: number;
  /** This run's messages: 16 bits. */
  tag: number;
  /** Where the messages' times count from: CLOCK_MONOTONIC nanoseconds. */
  epoch: number;
  /** Seconds: before the measured time, and of it. */
  warmup: number;
  duration: number;
  load: Load;
  /** Connections that come and go beside the members in the measured time; fleet 0 sees to it. */
  churn?: Churn;
  /** Draining ends when nothing has come for so long. */
  quietSeconds: number;
};

/** Connections that the server ended, and why the last one; how the first ones stood is told of each. */
export type ConnectionsLost = { count: number; reason: string; each: LostConnection[] };

/**
 * What tells how far a connection was behind, held against what all fleets had said by when (CLOCK_MONOTONIC ns):
 * the bytes that had come when it ended, and when the last of them were said and when they were read.
 */
export type LostConnection = { at: number; received: number; said: number; read: number };

/** Messages that a fleet had offered by when, every now and then. */
export type Offered = { at: number; messages: number }[];

/** All that the parts of one run share. */
export type RoomRun = {
  plan: RoomPlan;
  target: Endpoint;
  exchange: Exchange;
  wire: Room;
  members: Member[];
  ledger: Ledger;
  reader: Reader;
  /** Reads for all members at once, where that can be done. */
  bulk?: BulkRead;
  lost: ConnectionsLost;
  /** Bytes of a message with what the protocol puts around it, as it is sent. */
  wireBytes: number;
  /** Opens a connection that is none of this fleet's members, and leaves again. */
  visit: Open;
  /** The number in the messages of a member of this fleet. */
  senderOf: (index: number) => number;
  /** Messages offered so far, by member of this fleet, and how that went. */
  sent: Int32Array;
  offered: Offered;
  /** Who has heard the roll call. */
  present: Set<number>;
  /** Bytes that have come, when the last of them did, and when these had been said, by member of this fleet. */
  received: Float64Array;
  readAt: Float64Array;
  saidAt: Float64Array;
  /** Why a stream could not be read on, where that is not held against the server. */
  unreadable?: string;
  lastArrival: number;
  /** Longest time between two arrivals at this fleet, nanoseconds; set to 0 when measuring begins. */
  longestSilence: number;
  windows?: Windows;
};

/** Of one fleet's members, how many are to get each message. */
export const receiversOf = ({ members, wire }: Pick<RoomRun, "members" | "wire">): number =>
  members.length - (wire.promises.echoesToSender ? 0 : 1);

/** Of counts by member. */
export function total(values: Int32Array | Float64Array): number {
  let all = 0;
  for (const value of values) all += value;
  return all;
}
