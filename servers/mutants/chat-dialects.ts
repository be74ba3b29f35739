/** Faults of what a chat room says: each is a dialect with one thing changed. */
import type { Dialect, Heard } from "../../protocols/chat.ts";
import type { ChatRoom } from "./chat-room.ts";
import type { Faults } from "./fault.ts";

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

/** Makes the room speak a dialect of which this much is different. */
const speaking =
  (change: (dialect: Dialect) => Partial<Dialect>) =>
  ({ dialect }: ChatRoom): Partial<ChatRoom> => ({ dialect: { ...dialect, ...change(dialect) } });

export const dialectFaults = {
  "echo-turned": {
    words: "who should hear itself does not, or who should not does",
    fails: {
      "chat-bracket": "1.1-13 2.1-8 3.1-3 3.6-8 4.4 4.5 5.1 5.2 5.5",
      "chat-welcome": "1.1-13 2.1-5 2.7 2.8 3.1 3.2 3.6 3.8 4.4 4.6 4.7 5.5 5.11",
      "chat-stamped": "1.1 1.2 1.4 1.5 1.11 2.1 2.2 2.4-8 4.4 5.5",
      "chat-json": "1.1-8 1.10-13 2.1-5 2.7 2.8 3.1 3.6 3.8 4.4 4.6 4.7 5.4 5.12",
    },
    change: speaking(({ echoes }) => ({ echoes: !echoes })),
  },
  "return-turned": {
    words: "a \\r at the end of a line is stripped where it belongs to it, or the other way round",
    fails: { "chat-bracket": "5.2", "chat-welcome": "5.6" },
    change: speaking(({ hear }) => ({
      hear(bytes, from, to) {
        const returns = to > from && bytes[to - 1] === 13;
        const heard = hear(bytes, from, to);
        if (!returns || typeof heard !== "object") return heard;
        return { from: heard.from, to: heard.to === to ? to - 1 : to };
      },
    })),
  },
  "return-anywhere": {
    words: "a \\r ends the text, wherever it stands",
    fails: { "chat-welcome": "5.7" },
    change: speaking(() => ({ hear: (bytes, from, to) => until(bytes, from, to, 13) })),
  },
  "newcomer-turned": {
    words: "a newcomer gets its own notice, or does not, the wrong way round",
    fails: { "chat-welcome": "1.1-13 2.1-8 3.1-3 3.6-8 4.4 4.5 5.2-4 5.6 5.7 5.10-12" },
    change: speaking(({ newcomerSeesJoin }) => ({ newcomerSeesJoin: !newcomerSeesJoin })),
  },
  "announces-joins": {
    words: "entering is announced where nothing should be",
    fails: { "chat-bracket": "5.3" },
    change: speaking(() => ({ joined: ({ address }) => `[Server]: ${address} joined\n` })),
  },
  "announces-leaves": {
    words: "leaving is announced where nothing should be",
    fails: { "chat-bracket": "2.4 3.3 3.6 3.7 4.4 5.4" },
    change: speaking(() => ({ left: ({ address }) => `[Server]: ${address} left\n` })),
  },
  "no-farewell": {
    words: "nobody is told that somebody has left",
    fails: { "chat-welcome": "2.4 3.3 3.6 3.7 4.4 5.4 5.8 5.10 5.12", "chat-json": "2.4 3.6 3.7 4.4 5.2" },
    change: speaking(() => ({ left: () => "" })),
  },
  "blank-before-has": {
    words: "the notices have a blank before has",
    fails: { "chat-welcome": "1.1-13 2.1-8 3.1-4 3.6-8 4.4-7 5.2-8 5.10-12" },
    change: speaking(() => ({
      joined: ({ id }) => `User:${id} has enter\n`,
      left: ({ id }) => `User:${id} has left\n`,
    })),
  },
  "runs-on": {
    words: "notices have no end of line",
    fails: {
      "chat-welcome": "2.4 3.3 3.6 3.7 4.4 4.6 5.3 5.4 5.8 5.10 5.12",
      "chat-stamped": "2.4 3.6 3.7 4.4 4.6 4.7 5.1-4 5.7 5.8 5.10-12",
      "chat-json": "2.4 3.6 3.7 4.4 5.1 5.2",
    },
    change: speaking(({ joined, left }) => ({
      ...(joined ? { joined: (who) => joined(who).trimEnd() } : {}),
      ...(left ? { left: (who) => left(who).trimEnd() } : {}),
    })),
  },
  "no-notice-of-length": {
    words: "who writes too long a line is not told",
    fails: { "chat-bracket": "5.6" },
    change: speaking(() => ({ tooLong: "" })),
  },
  "no-port": {
    words: "the address has no port",
    fails: { "chat-bracket": "1.1-13 2.1-8 3.1 3.2 3.6-8 4.4-7 5.1 5.2 5.5" },
    change: speaking(() => ({ prefix: ({ address }) => `[${address.replace(/:\d+$/, "")}]: ` })),
  },
  restamps: {
    words: "a message gets the server's own stamp",
    fails: { "chat-stamped": "1.1-13 2.1-8 3.1 3.6-8 4.4-7 5.5 5.6 5.9 5.11 5.12" },
    change: speaking(() => ({ prefix: () => "1:" })),
  },
  "exit-bare-only": {
    words: "exit behind a stamp is no exit",
    fails: { "chat-stamped": "5.8 5.10 5.11" },
    change: speaking(({ hear }) => ({
      hear: (bytes, from, to) => (stamped(text(bytes, from, to)) ? { from, to } : hear(bytes, from, to)),
    })),
  },
  "exit-stamped-only": {
    words: "a bare exit is no exit",
    fails: { "chat-stamped": "5.7" },
    change: speaking(({ hear }) => ({
      hear: (bytes, from, to) => (bare(text(bytes, from, to)) ? { from, to } : hear(bytes, from, to)),
    })),
  },
  "exit-anywhere": {
    words: "a text that only begins with exit leaves the room",
    fails: { "chat-stamped": "5.9" },
    change: speaking(({ hear }) => ({
      hear: unless(hear, (line) => (/^\d+:exit/.test(line) ? "leave" : undefined)),
    })),
  },
  "exit-relayed": {
    words: "exit is relayed, and does not leave the room",
    fails: { "chat-stamped": "5.7 5.8 5.10 5.11" },
    change: speaking(() => ({ hear: whole })),
  },
  "source-believed": {
    words: "the client's data_source is relayed",
    fails: { "chat-json": "1.1-8 1.10-13 2.1-8 3.1 3.6-8 4.4-7 5.3-12" },
    change: speaking(() => ({ prefix: () => "", suffix: "\n", hear: whole })),
  },
  "strict-order": {
    words: "the members must come in one order",
    fails: { "chat-json": "5.9" },
    change: speaking(({ hear }) => ({
      hear: unless(hear, (object) => (/^\{"data_source":/.test(object) ? undefined : "nothing")),
    })),
  },
  "known-members-only": {
    words: "an object with an unknown member is not relayed",
    fails: { "chat-json": "5.10" },
    change: speaking(({ hear }) => ({
      hear: unless(hear, (object) => (object.includes('"x":{') ? "nothing" : undefined)),
    })),
  },
  "drops-escapes": {
    words: "an object with a backslash in it is not relayed",
    fails: { "chat-json": "1.10 1.13 5.7 5.8 5.11" },
    change: speaking(({ hear }) => ({
      hear: unless(hear, (object) => (object.includes("\\") ? "nothing" : undefined)),
    })),
  },
} as const satisfies Faults<ChatRoom>;
