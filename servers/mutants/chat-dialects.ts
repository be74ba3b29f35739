/** Faults of what a chat room says: each is a dialect with one thing changed. */
import type { Dialect, Heard } from "../../protocols/chat.ts";

export const dialectFaults = {
  "echo-turned": "who should hear itself does not, or who should not does",
  "return-turned": "a \\r at the end of a line is stripped where it belongs to it, or the other way round",
  "return-anywhere": "a \\r ends the text, wherever it stands",
  "newcomer-turned": "a newcomer gets its own notice, or does not, the wrong way round",
  "announces-joins": "entering is announced where nothing should be",
  "announces-leaves": "leaving is announced where nothing should be",
  "no-farewell": "nobody is told that somebody has left",
  "blank-before-has": "the notices have a blank before has",
  "runs-on": "notices have no end of line",
  "no-notice-of-length": "who writes too long a line is not told",
  "no-port": "the address has no port",
  restamps: "a message gets the server's own stamp",
  "exit-bare-only": "exit behind a stamp is no exit",
  "exit-stamped-only": "a bare exit is no exit",
  "exit-anywhere": "a text that only begins with exit leaves the room",
  "exit-relayed": "exit is relayed, and does not leave the room",
  "source-believed": "the client's data_source is relayed",
  "strict-order": "the members must come in one order",
  "known-members-only": "an object with an unknown member is not relayed",
  "drops-escapes": "an object with a backslash in it is not relayed",
} as const;

const text = (bytes: Uint8Array, from: number, to: number) =>
  Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from).toString("latin1");

const until = (bytes: Uint8Array, from: number, to: number, byte: number): Heard => {
  const at = bytes.subarray(from, to).indexOf(byte);
  return { from, to: at < 0 ? to : from + at };
};

/** Hears like the dialect, unless the unit is one that the fault does not take. */
const unless =
  (hear: Dialect["hear"], wrong: (unit: string) => Heard | undefined): Dialect["hear"] =>
  (bytes, from, to) =>
    wrong(text(bytes, from, to)) ?? hear(bytes, from, to);

const whole: Dialect["hear"] = (_bytes, from, to) => ({ from, to });
const bare = (line: string) => line === "exit";
const stamped = (line: string) => /^\d+:exit$/.test(line);

type Fault = keyof typeof dialectFaults;
const patches: Record<Fault, (dialect: Dialect) => Partial<Dialect>> = {
  "echo-turned": ({ echoes }) => ({ echoes: !echoes }),
  "return-turned": ({ hear }) => ({
    hear(bytes, from, to) {
      const returns = to > from && bytes[to - 1] === 13;
      const heard = hear(bytes, from, to);
      if (!returns || typeof heard !== "object") return heard;
      return { from: heard.from, to: heard.to === to ? to - 1 : to };
    },
  }),
  "return-anywhere": () => ({ hear: (bytes, from, to) => until(bytes, from, to, 13) }),
  "newcomer-turned": ({ newcomerSeesJoin }) => ({ newcomerSeesJoin: !newcomerSeesJoin }),
  "announces-joins": () => ({ joined: ({ address }) => `[Server]: ${address} joined\n` }),
  "announces-leaves": () => ({ left: ({ address }) => `[Server]: ${address} left\n` }),
  "no-farewell": () => ({ left: () => "" }),
  "blank-before-has": () => ({
    joined: ({ id }) => `User:${id} has enter\n`,
    left: ({ id }) => `User:${id} has left\n`,
  }),
  "runs-on": ({ joined, left }) => ({
    ...(joined ? { joined: (who) => joined(who).trimEnd() } : {}),
    ...(left ? { left: (who) => left(who).trimEnd() } : {}),
  }),
  "no-notice-of-length": () => ({ tooLong: "" }),
  "no-port": () => ({ prefix: ({ address }) => `[${address.replace(/:\d+$/, "")}]: ` }),
  restamps: () => ({ prefix: () => "1:" }),
  "exit-bare-only": ({ hear }) => ({
    hear: (bytes, from, to) => (stamped(text(bytes, from, to)) ? { from, to } : hear(bytes, from, to)),
  }),
  "exit-stamped-only": ({ hear }) => ({
    hear: (bytes, from, to) => (bare(text(bytes, from, to)) ? { from, to } : hear(bytes, from, to)),
  }),
  "exit-anywhere": ({ hear }) => ({
    hear: unless(hear, (line) => (/^\d+:exit/.test(line) ? "leave" : undefined)),
  }),
  "exit-relayed": () => ({ hear: whole }),
  "source-believed": () => ({ prefix: () => "", suffix: "\n", hear: whole }),
  "strict-order": ({ hear }) => ({
    hear: unless(hear, (object) => (/^\{"data_source":/.test(object) ? undefined : "nothing")),
  }),
  "known-members-only": ({ hear }) => ({
    hear: unless(hear, (object) => (object.includes('"x":{') ? "nothing" : undefined)),
  }),
  "drops-escapes": ({ hear }) => ({
    hear: unless(hear, (object) => (object.includes("\\") ? "nothing" : undefined)),
  }),
};

export function faultyDialect(dialect: Dialect, fault: string): Dialect {
  return fault in patches ? { ...dialect, ...patches[fault as Fault](dialect) } : dialect;
}
