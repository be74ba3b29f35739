/**
 * Sending by an unconnected UDP socket, past the errors of other addresses. After a send to a dead port the *next*
 * send, to a healthy address, fails with ECONNREFUSED and that datagram is lost: so it is sent again.
 */
import type { udp } from "bun";
import { createDatagrams, type Destination, destinationOf } from "../platform/datagrams.ts";

type UdpSocket = udp.Socket<"buffer">;

/** As `sendMany` takes them: payload, port, address, payload, … */
export type Outgoing = (Uint8Array | number | string)[];

/**
 * Sends every datagram; `refused` is called for each error of another address that came in between. Returns how
 * many the system did not take: those of a full send buffer, and those that cannot be sent at all.
 */
export const sendAll = (socket: UdpSocket, outgoing: Outgoing, refused: () => void = () => {}): number =>
  pastErrors(outgoing.length / 3, refused, (first) => {
    try {
      return socket.sendMany(first === 0 ? outgoing : outgoing.slice(first * 3));
    } catch {
      return 0;
    }
  });

/** Sends `count` datagrams, as `sendFrom` the first of the rest sends some of them, or none for an error. */
function pastErrors(count: number, refused: () => void, sendFrom: (first: number) => number): number {
  let unsent = 0;
  let failures = 0;
  for (let at = 0; at < count; ) {
    const sent = sendFrom(at);
    if (sent > 0) {
      at += sent;
      failures = 0;
    } else if (++failures === 1) refused();
    else {
      // The pending error of another address is taken by one failure, so a second in a row is this one's own.
      at++;
      unsent++;
      failures = 0;
    }
  }
  return unsent;
}

/** Whom a server sends to again and again. */
export type Addressee = { readonly ip: string; readonly port: number; readonly to: Destination | undefined };

export const addressee = (ip: string, port: number): Addressee => ({ ip, port, to: destinationOf(ip, port) });

/** What goes out together, at most `limit` datagrams of it by one system call. `refused` is as for `sendAll`. */
export function createBatch(socket: () => UdpSocket, limit: number, refused: () => void) {
  const datagrams = createDatagrams(limit);
  /** To those whose address only Bun understands. */
  let others: Outgoing = [];
  let unsent = 0;

  function send(): void {
    unsent += pastErrors(datagrams.count(), refused, (first) => datagrams.sendFrom(socket(), first));
    datagrams.clear();
    if (others.length > 0) unsent += sendAll(socket(), others, refused);
    others = [];
  }

  return {
    /** The bytes must not be changed until they have been sent. */
    add(bytes: Uint8Array, { to, ip, port }: Addressee): void {
      if (!to) others.push(bytes, port, ip);
      else {
        if (datagrams.count() === limit) send();
        datagrams.add(bytes, to);
      }
    },
    send,
    /** How many the system did not take. */
    unsent: () => unsent,
  };
}
