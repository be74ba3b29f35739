/**
 * Sending by an unconnected UDP socket, past the errors of other addresses. After a send to a dead port the *next*
 * send, to a healthy address, throws ECONNREFUSED and that datagram is lost (Bun 1.4.5): so it is sent again.
 */
import type { udp } from "bun";

/** As `sendMany` takes them: payload, port, address, payload, … */
export type Outgoing = (Uint8Array | number | string)[];

/**
 * Sends every datagram; `refused` is called for each error of another address that came in between. Returns how
 * many the system did not take: those of a full send buffer, and those that cannot be sent at all.
 */
export function sendAll(
  socket: udp.Socket<"buffer">,
  outgoing: Outgoing,
  refused: () => void = () => {},
): number {
  let unsent = 0;
  let failures = 0;
  for (let rest = outgoing; rest.length > 0; ) {
    let sent = 0;
    try {
      sent = socket.sendMany(rest);
    } catch {
      refused();
    }
    if (sent > 0) failures = 0;
    // The pending error of another address is taken by one failure, so a second in a row is this one's own.
    else if (++failures > 1) {
      unsent++;
      failures = 0;
      sent = 1;
    }
    rest = sent * 3 >= rest.length ? [] : rest.slice(sent * 3);
  }
  return unsent;
}
