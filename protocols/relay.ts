/**
 * The UDP relay: each datagram goes to every other address that has ever sent one, behind `[ip:port]: `.
 */
import { defineProtocol } from "./define.ts";
import { send } from "./definition.ts";
import { datagram, ignore } from "./framing.ts";

export const RELAY_PORT = 8081;
/** Most payload bytes that are relayed. */
export const MAX_PAYLOAD_BYTES = 1024;
/** The largest UDP payload over IPv4: 65,535 less 20 bytes of IP and 8 of UDP header (RFC 768, RFC 791). */
export const MAX_UDP_PAYLOAD_BYTES = 65_507;
/** Most addresses that are kept. */
export const MAX_ADDRESSES = 10_000;
/** An address from which nothing came for so long is forgotten. */
export const FORGET_AFTER_SECONDS = 60;

/** Most datagrams that wait to be relayed: of one address, and in all. */
export const MAX_WAITING_EACH = 1024;
export const MAX_WAITING = 16_384;

/** What stands before each relayed payload. */
export const relayPrefix = (address: string): string => `[${address}]: `;

/** What the sender of a datagram that is too long is told, at most once a second. */
export const oversizeNotice = (bytes: number): string =>
  `[Server]: datagram of ${bytes} bytes exceeds ${MAX_PAYLOAD_BYTES}`;

export const relay = defineProtocol({
  name: "relay",
  port: RELAY_PORT,
  primary: true,
  framing: datagram(),
  // An empty datagram registers its sender, and a relay may pass it on.
  *open() {
    yield send("");
  },
  control: (unit) => (/^\[.+\]: $/.test(unit.toString("latin1")) ? ignore : undefined),
  room: {
    say: () => ({}),
    hear: (_topic, _bytes, { address }) => ({ prefix: relayPrefix(address) }),
  },
  promises: { wholeUpTo: MAX_PAYLOAD_BYTES },
});
