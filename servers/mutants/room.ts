/** Faults of any room: what members say reaches the others, over TCP, UDP and WebSocket alike. */
import { type Connections, connectionFaults } from "./connections.ts";
import type { Faults } from "./fault.ts";

/** The decisions of a plain room: each message goes to each recipient by a write of its own, as it comes. */
export type Room<Member> = {
  /** The N of faults that strike every Nth message of an author. */
  every: number;
  /** Bytes of the longest message. */
  messageBytes: number;
  /** In the order in which they came. */
  members: () => Member[];
  /** Takes what one has said. */
  say: (author: Member, text: Buffer) => void;
  /** Under whose name it is relayed. */
  nameOf: (author: Member) => Member;
  recipients: (author: Member) => Member[];
  /** Hands a whole message to each. */
  spread: (recipients: Member[], message: Uint8Array) => void;
  send: (member: Member, message: Uint8Array) => void;
  /** What a crash is to everybody else, also where the server is part of another process. */
  die: () => void;
};

/** A room to which its members are connected. */
export type ConnectedRoom<Member> = Room<Member> &
  Connections<Member> & {
    /** Bytes that may wait for one reader. */
    queueBytes: number;
    /** Bytes of a text that says nothing, with what the protocol has the client put around it. */
    emptyBytes: number;
    left: (member: Member) => void;
    /** Bytes that wait for a reader, and what is done when one has taken them. */
    waiting: (member: Member) => number;
    drained: (member: Member) => void;
  };

/** Whether this is every Nth of its author. */
export function everyNth<Member>({ every }: { every: number }): (author: Member) => boolean {
  const said = new Map<Member, number>();
  return (author) => {
    const count = (said.get(author) ?? 0) + 1;
    said.set(author, count);
    return count % every === 0;
  };
}

/** Changes what is said; what becomes undefined is not said at all. */
export const saying =
  <Member>(change: (text: Buffer) => Buffer | undefined) =>
  (right: Room<Member>): Partial<Room<Member>> => ({
    say(author, text) {
      const changed = change(text);
      if (changed) right.say(author, changed);
    },
  });

export const roomFaults = <Member>() =>
  ({
    silent: {
      words: "all is received, and nothing is ever sent",
      fails: {
        "chat-bracket": "1.1-13 2.1-8 3.1-4 3.6-8 4.4-8 5.1 5.2 5.4-6",
        "chat-stamped": "1.1-13 2.1-8 3.1 3.5-8 4.4-8 5.1-12",
        relay: "1.1-10 2.1-14 3.1-6",
        letters: "1.3-5 2.1-10 3.1-6 4.1-3 4.5",
      },
      change: () => ({ send() {} }),
    },
    loses: {
      words: "every Nth message of an author is not relayed",
      fails: {
        "chat-bracket": "1.11 2.5 2.6",
        relay: "2.13 2.14",
        "chat-ws": "1.11 1.15",
        letters: "2.6 3.4-5",
      },
      change(right) {
        const isNth = everyNth<Member>(right);
        return { say: (author, text) => void (isNth(author) || right.say(author, text)) };
      },
    },
    duplicates: {
      words: "every Nth message of an author is relayed twice",
      fails: { "chat-bracket": "1.11 2.5 2.6", relay: "2.13 2.14", letters: "2.6 3.4-5" },
      change(right) {
        const isNth = everyNth<Member>(right);
        return {
          say(author, text) {
            right.say(author, text);
            if (isNth(author)) right.say(author, text);
          },
        };
      },
    },
    reorders: {
      words: "every Nth message of an author is relayed after the next one",
      fails: { "chat-bracket": "1.11 2.5 2.6", "chat-ws": "1.11 1.15", letters: "2.6 3.4-5" },
      change(right) {
        const isNth = everyNth<Member>(right);
        const held = new Map<Member, Buffer>();
        return {
          say(author, text) {
            if (isNth(author)) return void held.set(author, text);
            right.say(author, text);
            const before = held.get(author);
            if (before && held.delete(author)) right.say(author, before);
          },
        };
      },
    },
    corrupts: {
      words: "a byte of every Nth message of an author is changed",
      fails: { "chat-bracket": "1.11 2.5 2.6", relay: "2.13 2.14", letters: "2.6 3.4-5" },
      change(right) {
        const isNth = everyNth<Member>(right);
        return {
          say(author, text) {
            // The last one may be a quote of JSON.
            if (isNth(author)) text[Math.max(0, text.length - 2)] ^= 1;
            right.say(author, text);
          },
        };
      },
    },
    "first-only": {
      words: "a message goes to one recipient, not to all",
      fails: {
        "chat-bracket": "1.1 2.1-6 3.6 3.7 4.4 4.5 4.7 4.8 5.5",
        "chat-stamped": "1.1 2.1-3 2.5 2.6 3.7 4.5 4.8",
        relay: "1.1-10 2.1-14 3.1-6",
        "chat-ws": "1.1 1.3 1.11-14 2.6",
        letters: "1.3 2.1 2.7 2.9 3.1 3.4-6 4.1-3 4.5",
      },
      change: ({ recipients }) => ({ recipients: (author) => recipients(author).slice(0, 1) }),
    },
    "wrong-author": {
      words: "a message carries the address or id of who came last",
      fails: {
        "chat-bracket": "1.1-13 2.1-8 3.1 3.2 3.6-8 4.5-7 5.1 5.2 5.5",
        relay: "1.1-3 1.5-10 2.1-6 2.11 2.13 2.14 3.1 3.2",
        "chat-ws": "1.1-15 2.1 2.6",
      },
      change: ({ members }) => ({ nameOf: (author) => members().at(-1) ?? author }),
    },
    trims: {
      words: "blanks around a message are cut off",
      fails: {
        "chat-bracket": "1.13 5.2",
        "chat-welcome": "1.13",
        "chat-stamped": "1.13",
        "chat-json": "1.13",
        "chat-ws": "1.6 1.8",
      },
      // Those of a stamp or of a JSON string stand inside.
      change: saying((text) =>
        Buffer.from(text.toString("latin1").replace(/^(\d+:|")?\s+|\s+("?)$/g, "$1$2"), "latin1"),
      ),
    },
    "no-limit": {
      words: "a message may be of any length",
      fails: { "chat-bracket": "3.3 3.4 5.6", "chat-stamped": "3.5", "chat-ws": "2.2 2.3" },
      change: () => ({ messageBytes: 1e9 }),
    },
  }) as const satisfies Faults<Room<Member>>;

/** So much may wait where nothing bounds it: more than any case lets pile up. */
const UNBOUNDED_BYTES = 64e6;

/** Nobody gets anything while it is so; all that was held back follows when a reader has taken what waited for it. */
export const holdingBack =
  <Member>(isStuck: (recipients: Member[], room: ConnectedRoom<Member>) => boolean) =>
  (right: ConnectedRoom<Member>): Partial<ConnectedRoom<Member>> => {
    const backlog: (() => void)[] = [];
    return {
      queueBytes: UNBOUNDED_BYTES,
      spread(recipients, message) {
        if (isStuck(recipients, right)) backlog.push(() => right.spread(recipients, message));
        else right.spread(recipients, message);
      },
      drained(member) {
        right.drained(member);
        if (right.waiting(member) === 0) for (const spread of backlog.splice(0)) spread();
      },
    };
  };

const behind = <Member>(recipients: Member[], { waiting }: ConnectedRoom<Member>) =>
  recipients.filter((member) => waiting(member) > 0).length;

export const connectedRoomFaults = <Member>() =>
  ({
    ...roomFaults<Member>(),
    ...connectionFaults<Member>(),
    history: {
      words: "a newcomer gets the last message that was said",
      fails: {
        "chat-bracket": "1.1 2.1-6 2.8 3.3 3.4 3.6 3.7 4.4 4.5 5.4-6",
        "chat-ws": "1.1 1.3 1.11-14 2.6",
      },
      change({ opened, spread, send }) {
        let last: Uint8Array | undefined;
        return {
          spread(recipients, message) {
            last = message;
            spread(recipients, message);
          },
          opened(member) {
            opened(member);
            if (last) send(member, last);
          },
        };
      },
    },
    "skips-empty": {
      words: "an empty message is not relayed",
      fails: {
        "chat-bracket": "1.8",
        "chat-stamped": "1.8",
        "chat-json": "1.2 1.5-8 1.10 1.12 1.13 2.2-7 3.6 4.4-7 5.3 5.5-11",
        "chat-ws": "1.4",
      },
      change: ({ emptyBytes, say }) => ({
        say(author, text) {
          if (text.length > emptyBytes || text.includes("o")) say(author, text);
        },
      }),
    },
    "dies-after-leave": {
      words: "a message after a member has left ends the server",
      fails: {
        "chat-bracket": "1.1-13 2.1-8 3.1-4 3.6-8 4.4-8 5.1-6",
        "chat-welcome": "1.1-13 2.1-8 3.1-4 3.6-8 4.4-8 5.1-12",
        "chat-ws": "1.1-15 2.1-6 3.7 3.8",
        letters: "1.1-5 2.1-10 3.1-6 4.1-3 4.5 5.1-15",
      },
      change({ left, say, die }) {
        let someoneLeft = false;
        return {
          left(member) {
            someoneLeft = true;
            left(member);
          },
          say: (author, text) => (someoneLeft ? die() : say(author, text)),
        };
      },
    },
    stalls: {
      words: "while one reader does not take its bytes, nobody gets any",
      fails: {
        "chat-bracket": "4.1",
        "chat-welcome": "4.1",
        "chat-stamped": "4.1",
        "chat-json": "4.1",
        hub: "2.1-5",
        letters: "4.4",
      },
      change: holdingBack((recipients, room) => behind(recipients, room) > 0),
    },
    "crowd-stalls": {
      words: "while more than ten readers do not take their bytes, nobody gets any",
      fails: {
        "chat-bracket": "6.3",
        "chat-welcome": "6.3",
        "chat-stamped": "6.3",
        "chat-json": "6.3",
        hub: "2.7",
      },
      change: holdingBack((recipients, room) => behind(recipients, room) > 10),
    },
    "never-evicts": {
      words: "what waits for a reader who does not read has no bound",
      fails: { "chat-bracket": "4.2", "chat-stamped": "4.3", "chat-json": "4.3", hub: "2.2 2.3" },
      change: () => ({ queueBytes: UNBOUNDED_BYTES }),
    },
  }) as const satisfies Faults<ConnectedRoom<Member>>;
