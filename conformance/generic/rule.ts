/** A generic case before it belongs to a protocol, and what such cases share. */
import type { Protocol } from "../../protocols/protocol.ts";
import type { Case } from "../case.ts";
import type { Context } from "../context.ts";
import { sleep } from "../peer.ts";
import { Unsupported } from "../violation.ts";
import type { Connection } from "./connection.ts";
import { type Client, type Clients, clientsIn } from "./requests.ts";
import { type Room, roomIn } from "./room.ts";

/** A case without its protocol; `follows` is the field of the definition from which it follows. */
export type Rule = Omit<Case, "id" | "source" | "run"> & {
  /** Section and number: `2.3`. */
  number: string;
  follows: string;
  run: (t: Context, protocol: Protocol) => Promise<void>;
};

/** A rule about rooms, or about requests. */
export const inRoom =
  (run: (room: Room) => Promise<void>): Rule["run"] =>
  (t, protocol) =>
    run(roomIn(t, protocol));

export const asking =
  (run: (clients: Clients) => Promise<void>): Rule["run"] =>
  (t, protocol) =>
    run(clientsIn(t, protocol));

/** A rule about one client, who receives nothing more in the end. */
export const oneClient = (run: (clients: Clients, alice: Client) => Promise<void>): Rule["run"] =>
  asking(async (clients) => {
    await run(clients, await clients.join());
    await clients.quiet();
  });

/** A rule about both: whatever of it the protocol has. */
export const either =
  (room: (room: Room) => Promise<void>, clients: (clients: Clients) => Promise<void>): Rule["run"] =>
  async (t, protocol) => {
    if (protocol.room) await room(roomIn(t, protocol));
    else await clients(clientsIn(t, protocol));
  };

/** Only a stream has reads that hold other than one unit. */
export function needsStream({ transport }: Protocol): void {
  if (transport === "udp") throw new Unsupported("a datagram is neither split nor joined, and has no end");
}

/** Several requests in flight on one connection. */
export function needsPipeline({ requests }: Protocol): void {
  if (requests?.oneAtATime)
    throw new Unsupported("request.oneAtATime: a request follows the reply to the one before");
}

/** Long enough that two writes arrive as two reads. */
const APART_MS = 60;

/** Sends these bytes by so many writes, cut at these places, each read by itself. */
export const sendCut = (connection: Connection, bytes: Buffer, ...places: readonly number[]): Promise<void> =>
  connection.inParts(async (send) => {
    const cuts = [0, ...places, bytes.length];
    for (let i = 1; i < cuts.length; i++) {
      if (i > 1) await sleep(APART_MS);
      send(bytes.subarray(cuts[i - 1], cuts[i]));
    }
  });

export const sendByteByByte = (connection: Connection, bytes: Buffer): Promise<void> =>
  connection.inParts(async (send) => {
    for (const byte of bytes) {
      send(Uint8Array.of(byte));
      await sleep(1);
    }
  });

/** Each byte twice, up and down. */
export const anyBytes = (): Buffer =>
  Buffer.from(Array.from({ length: 512 }, (_, i) => (i < 256 ? i : 511 - i)));

/** Of a length that no definition promises: relayed, answered, or refused. */
export const LONG_BYTES = 60_000;
