/** What can be wrong with a server of a protocol that is known by its definition alone, besides what any room can have. */
import { type Faults, without } from "./fault.ts";
import type { LettersServer, Member } from "./letters-room.ts";
import { connectedRoomFaults } from "./room.ts";

/** What of a body is kept by a buffer that is too small. */
const SMALL_BYTES = 1024;
const FEW = 10;

const framingFaults = {
  "per-read": {
    words: "one read is taken for one unit",
    fails: "1.2 2.2-6 3.1 3.4-5 4.2-3 5.2-6 5.8-11",
    change: ({ cut }) => ({
      cut(member) {
        const whole = member.unread;
        const payload = cut(member) ?? (whole.length > 4 ? Buffer.from(whole.subarray(4)) : undefined);
        member.unread = Buffer.alloc(0);
        return payload;
      },
    }),
  },
  "keeps-no-rest": {
    words: "a unit that has not come whole by the end of a read is dropped",
    fails: "1.2 2.2-3 2.5 5.2-3 5.5 5.9",
    change: ({ receive }) => ({
      receive(member, chunk) {
        receive(member, chunk);
        member.unread = Buffer.alloc(0);
      },
    }),
  },
  "one-of-a-read": {
    words: "of the units of one read only the first is taken",
    fails: "2.4-6 3.1 3.4-5 4.2 5.4-6 5.8 5.10-11",
    change: ({ cut }) => ({
      cut(member) {
        const payload = cut(member);
        if (payload) member.unread = Buffer.alloc(0);
        return payload;
      },
    }),
  },
  "one-buffer": {
    words: "half a unit of one connection goes into the next one of another",
    fails: "4.3 4.5 5.9 5.12",
    change({ receive }) {
      let unread: Buffer = Buffer.alloc(0);
      return {
        receive(member, chunk) {
          member.unread = unread;
          receive(member, chunk);
          unread = member.unread;
        },
      };
    },
  },
  "join-in-one-read": {
    words: "a connection whose first unit comes in several reads is never let in",
    fails: "1.2",
    change: ({ receive }) => ({
      receive(member, chunk) {
        if (member.topic === "" && member.unread.length + chunk.length < 12) member.unread = Buffer.alloc(0);
        else receive(member, chunk);
      },
    }),
  },
  "small-buffer": {
    words: "what does not fit a buffer of 1,024 bytes is cut off a body",
    fails: "2.7-8 5.13",
    change: ({ say, answer }) => ({
      say: (author, body) => say(author, body.subarray(0, SMALL_BYTES)),
      answer: (member, id, body) => answer(member, id, body.subarray(0, SMALL_BYTES)),
    }),
  },
  "text-only": {
    words: "bodies are decoded and encoded again",
    fails: "2.10 5.15",
    change: ({ say, answer }) => ({
      say: (author, body) => say(author, Buffer.from(body.toString())),
      answer: (member, id, body) => answer(member, id, Buffer.from(body.toString())),
    }),
  },
  "empty-ends": {
    words: "after an empty body a connection is not listened to any more",
    fails: "2.9 5.14",
    change({ receive, say, answer }) {
      const deaf = new Set<Member>();
      const hear = (member: Member, body: Buffer) => body.length > 0 || deaf.add(member);
      return {
        receive: (member, chunk) => void (deaf.has(member) || receive(member, chunk)),
        say: (author, body) => void (hear(author, body) && say(author, body)),
        answer: (member, id, body) => void (hear(member, body) && answer(member, id, body)),
      };
    },
  },
} as const satisfies Faults<LettersServer>;

const roomsOfTopics = {
  echoes: {
    words: "a member gets its own messages",
    fails: "1.3-5 2.1-10 3.1-6 4.1-3 4.5",
    change: ({ recipients }) => ({ recipients: (author) => [...recipients(author), author] }),
  },
  "one-room": {
    words: "a message reaches the members of all topics",
    fails: "3.3",
    change: ({ members }) => ({
      recipients: (author) => members().filter((one) => one !== author && one.topic),
    }),
  },
  "first-speaker": {
    words: "only what the first member says is relayed",
    fails: "1.3-5 2.1-10 3.1-6 4.1-3 4.5",
    change({ say }) {
      const first = new Map<string, Member>();
      return {
        say(author, body) {
          const one = first.get(author.topic) ?? author;
          first.set(author.topic, one);
          if (one === author) say(author, body);
        },
      };
    },
  },
  "never-again": {
    words: "once a member has left, a topic takes nobody new",
    fails: "1.5 4.3 5.12",
    change({ left, join }) {
      const closed = new Set<string>();
      return {
        left(member) {
          closed.add(member.topic);
          left(member);
        },
        join: (member, topic) => void (closed.has(topic) || join(member, topic)),
      };
    },
  },
  few: {
    words: "more than ten members of a topic are let in and get nothing",
    fails: "1.3",
    change: ({ recipients }) => ({ recipients: (author) => recipients(author).slice(0, FEW) }),
  },
} as const satisfies Faults<LettersServer>;

const endFaults = {
  "dies-of-reset": {
    words: "a reset ends the server",
    fails: "1.4 4.1 4.3 5.12",
    change: ({ closed, die }) => ({ closed: (member, error) => (error ? die() : closed(member)) }),
  },
  "drops-at-fin": {
    words: "what came right before a FIN is neither relayed nor answered",
    fails: "4.2 5.11",
    change: ({ receive }) => ({
      receive: (member, chunk) => void setTimeout(() => member.gone || receive(member, chunk), 50),
    }),
  },
  "relays-halves": {
    words: "what has come of a message is relayed when its sender goes",
    fails: "4.3",
    change: ({ left, say }) => ({
      left(member) {
        if (member.unread[4] === 0x53) say(member, member.unread.subarray(5));
        left(member);
      },
    }),
  },
  "garbage-kills": {
    words: "a unit that is longer than any ends the server",
    fails: "4.5",
    change: ({ cut, die }) => ({
      cut(member) {
        if (member.unread.length >= 4 && member.unread.readUInt32BE(0) > 1e6) die();
        return cut(member);
      },
    }),
  },
} as const satisfies Faults<LettersServer>;

const requestFaults = {
  "wrong-id": {
    words: "a reply names the request before its own",
    fails: "5.2 5.4-8 5.10-11 5.13-14",
    change({ answer }) {
      const before = new Map<Member, Buffer>();
      return {
        answer(member, id, body) {
          answer(member, before.get(member) ?? id, body);
          before.set(member, id);
        },
      };
    },
  },
  "unknown-id": {
    words: "a reply names a request that nobody has asked",
    fails: "5.1-15",
    change: ({ answer }) => ({ answer: (member, _, body) => answer(member, Buffer.from("999999"), body) }),
  },
  twice: {
    words: "every Nth request is answered twice",
    fails: "5.6-8",
    change({ answer, every }) {
      let count = 0;
      return {
        answer(member, id, body) {
          answer(member, id, body);
          if (++count % every === 0) answer(member, id, body);
        },
      };
    },
  },
  "to-the-last": {
    words: "a reply goes to whoever came last",
    fails: "5.8-9 5.13-14",
    change: ({ members, answer }) => ({
      answer: (member, id, body) => answer(members().at(-1) ?? member, id, body),
    }),
  },
  "same-body-once": {
    words: "a request with the body of the one before is taken for the same",
    fails: "5.10",
    change({ answer }) {
      const before = new Map<Member, Buffer>();
      return {
        answer(member, id, body) {
          if (!before.get(member)?.equals(body)) answer(member, id, body);
          before.set(member, body);
        },
      };
    },
  },
  once: {
    words: "a connection gets one reply",
    fails: "5.2 5.4-8 5.10-11 5.13-14",
    change({ answer }) {
      const served = new Set<Member>();
      return {
        answer(member, id, body) {
          if (!served.has(member)) answer(member, id, body);
          served.add(member);
        },
      };
    },
  },
  "replies-wait": {
    words: "while one client does not take its replies, nobody gets any",
    fails: "5.16",
    change: ({ members, waiting, answer }) => ({
      queueBytes: 64e6,
      answer(member, id, body) {
        const stuck = members().some((one) => one !== member && waiting(one) > 0);
        if (!stuck) answer(member, id, body);
      },
    }),
  },
} as const satisfies Faults<LettersServer>;

/** What its wire cannot show, or nothing in a definition forbids. */
const notHere = [
  "wrong-author",
  "trims",
  "no-limit",
  "skips-empty",
  "never-evicts",
  "history",
  "crowd-stalls",
];

export const lettersFaults = {
  ...without(connectedRoomFaults<Member>(), ...notHere),
  ...framingFaults,
  ...roomsOfTopics,
  ...endFaults,
  ...requestFaults,
} as Faults<LettersServer>;
