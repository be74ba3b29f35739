/** What can be wrong with a UDP relay, beside what any room can have (room.ts). */
import { MAX_PAYLOAD_BYTES } from "../../protocols/relay.ts";
import type { Faults } from "./fault.ts";
import type { Client, Relay } from "./relay.ts";
import { roomFaults, saying } from "./room.ts";

/** What is relayed of a datagram, and of one that is too long. */
const payloadFaults = {
  "forwards-512": {
    words: "at most the first 512 bytes of a datagram are relayed",
    fails: "2.4-6",
    change: saying((payload) => payload.subarray(0, 512)),
  },
  "strips-newlines": {
    words: "an end of line behind a payload is cut off",
    fails: "2.3",
    change: saying((payload) => Buffer.from(payload.toString("latin1").trimEnd(), "latin1")),
  },
  decodes: {
    words: "the payload is decoded and encoded again",
    fails: "2.1 2.4-6",
    change: saying((payload) => Buffer.from(payload.toString())),
  },
  "relays-empty": {
    words: "an empty datagram is relayed",
    fails: "1.6 1.7 3.2",
    change: (relay) => ({
      receive(payload, ip, port) {
        relay.receive(payload, ip, port);
        const author = relay.members().find((client) => client.ip === ip && client.port === port);
        if (author && payload.length === 0) relay.say(author, payload);
      },
    }),
  },
  "limit-1000": {
    words: "the limit is 1,000 bytes",
    fails: "2.5 2.6",
    change: () => ({ messageBytes: 1000 }),
  },
  truncates: {
    words: "the first 1,024 bytes of a longer datagram are relayed, and nobody is told",
    fails: "2.7-12",
    change: ({ receive }) => ({
      receive: (payload, ip, port) => receive(payload.subarray(0, MAX_PAYLOAD_BYTES), ip, port),
    }),
  },
  "drops-silently": {
    words: "a datagram over 1,024 bytes is dropped and its sender is not told",
    fails: "2.7-10 2.12",
    change: () => ({ refuse() {} }),
  },
  "tells-always": {
    words: "the author of every datagram that is too long is told",
    fails: "2.9",
    change: () => ({ noticeEveryMs: 0 }),
  },
  "tells-once": {
    words: "an author is told once, and never again",
    fails: "2.10",
    change: () => ({ noticeEveryMs: Number.POSITIVE_INFINITY }),
  },
  "tells-one": {
    words: "only the first author of a datagram that is too long is told",
    fails: "2.10 2.12",
    change({ refuse }) {
      let told = false;
      return {
        refuse(author, bytes) {
          if (!told) refuse(author, bytes);
          told = true;
        },
      };
    },
  },
} as const satisfies Faults<Relay>;

/** Who is heard, by whom, and under which name. */
const addressFaults = {
  echoes: {
    words: "a datagram goes back to its author too",
    fails: "1.3 1.8-10 2.1 2.2 2.4-6 3.5",
    change: ({ members }) => ({ recipients: () => members() }),
  },
  "first-unheard": {
    words: "the datagram that registers an address is not relayed",
    fails: "1.1-6 1.8-10 2.1-14 3.1-6",
    change({ say }) {
      const heard = new Set<Client>();
      return {
        say(author, payload) {
          if (heard.has(author)) say(author, payload);
          heard.add(author);
        },
      };
    },
  },
  "by-host": {
    words: "clients are told apart by their address without its port",
    fails: "1.1-10 2.1-14 3.1-6",
    change: () => ({ keyOf: (_address, ip) => ip }),
  },
  "empty-unregistered": {
    words: "an empty datagram does not register its source",
    fails: "1.7 3.4",
    change: ({ receive }) => ({
      receive: (payload, ip, port) => void (payload.length > 0 && receive(payload, ip, port)),
    }),
  },
  "registers-twice": {
    words: "each datagram registers its source once more",
    fails: "1.3 1.8-10 2.1 2.2 2.4-6 2.9 3.3 3.5",
    change: ({ members }) => ({ keyOf: (address) => `${address} ${members().length}` }),
  },
  "bans-oversize": {
    words: "who sent a datagram that was too long is not heard any more",
    fails: "2.10 2.11",
    change({ refuse, say }) {
      const banned = new Set<Client>();
      return {
        refuse(author, bytes) {
          if (!banned.has(author)) refuse(author, bytes);
          banned.add(author);
        },
        say: (author, payload) => void (banned.has(author) || say(author, payload)),
      };
    },
  },
  "flood-starves": {
    words: "while one address sends a hundred datagrams in a second, nobody else is heard",
    fails: "3.7",
    change({ say }) {
      let loudest: Client | undefined;
      let heard = new Map<Client, number>();
      return {
        say(author, payload) {
          const count = (heard.get(author) ?? 0) + 1;
          heard.set(author, count);
          if (count > 100) loudest = author;
          if (loudest === undefined || loudest === author) say(author, payload);
        },
        tick() {
          loudest = undefined;
          heard = new Map();
        },
      };
    },
  },
} as const satisfies Faults<Relay>;

/** Addresses that have gone. */
const forgettingFaults = {
  "dies-of-icmp": {
    words: "the ICMP error of one who has gone ends the server",
    fails: "3.2",
    change: ({ refused, die }) => ({
      refused: (addresses) => (addresses.length > 0 ? die() : refused(addresses)),
    }),
  },
  "loses-after-icmp": {
    words: "the datagram that meets another's ICMP error is lost",
    fails: "3.1",
    change: () => ({ attempts: 1 }),
  },
  "never-forgets": { words: "an address is never forgotten", fails: "3.3", change: () => ({ forget() {} }) },
  "forgets-talkers": {
    words: "an address is forgotten so long after its first datagram, whatever it sends",
    fails: "3.4",
    change: ({ seen }) => ({ seen: (client) => void (client.lastSeen === 0 && seen(client)) }),
  },
  "registers-once": {
    words: "an address that was forgotten is not registered again",
    fails: "3.5",
    change({ forget, register }) {
      const forgotten = new Set<string>();
      return {
        forget(address) {
          forgotten.add(address);
          forget(address);
        },
        register: (client, key) => void (forgotten.has(client.address) || register(client, key)),
      };
    },
  },
  busy: {
    words: "it looks for datagrams without end",
    fails: "3.6",
    process: true,
    change() {
      const spin = () => void setImmediate(spin);
      spin();
      return {};
    },
  },
} as const satisfies Faults<Relay>;

export const relayFaults = {
  ...roomFaults<Client>(),
  ...payloadFaults,
  ...addressFaults,
  ...forgettingFaults,
} as const satisfies Faults<Relay>;

export type RelayFault = keyof typeof relayFaults | "none";
