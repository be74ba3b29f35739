/** What can be wrong with a chat room over TCP, beside what any room can have (room.ts) and what it says (chat-dialects.ts). */
import { MAX_LINE_BYTES } from "../../protocols/chat.ts";
import { createLineBuffer, NEWLINE, splitLines } from "../../protocols/lines.ts";
import { dialectFaults } from "./chat-dialects.ts";
import { type ChatRoom, leave, type Member } from "./chat-room.ts";
import type { Faults } from "./fault.ts";
import { connectedRoomFaults, saying } from "./room.ts";

/** For a text without an exclamation mark every way to share it between the four is tried. */
const BACKTRACKING = /^[^!]*[^!?]*[^!.]*[^!,]*!$/;
const NOTICE = /\[Server\]: |Welcome \d|^(?:\d+:)?\[SERVER\]/;
const NEWLINE_BYTES = Buffer.from("\n");

/** How reads become lines and objects. */
const framingFaults = {
  splits: {
    words: "what a read leaves of a line is relayed as a line of its own",
    fails: {
      "chat-bracket": "1.2-4 1.6 1.7 3.7",
      "chat-welcome": "1.2-4 1.6 1.7 3.7",
      "chat-stamped": "1.2-4 1.6 1.7 3.7",
    },
    change: ({ split }) => ({
      split: (author, chunk, hear) =>
        split(author, chunk.at(-1) === NEWLINE ? chunk : Buffer.concat([chunk, NEWLINE_BYTES]), hear),
    }),
  },
  coalesces: {
    words: "the lines of one read are relayed as one message",
    fails: {
      "chat-bracket": "1.5 1.6 1.8 1.11 1.12 2.4-6 3.2 3.3 4.5 5.6",
      "chat-welcome": "1.5 1.6 1.8 1.11 1.12 2.4-6 3.2 3.3 4.5 5.10 5.11",
    },
    change: ({ split, messageBytes }) => ({
      split(author, chunk, hear) {
        if (!chunk.includes(NEWLINE)) return split(author, chunk, hear);
        const whole = Buffer.concat([author.lines.partial.subarray(0, author.lines.length), chunk]);
        const end = whole.lastIndexOf(NEWLINE);
        author.lines = createLineBuffer();
        hear(whole, 0, end);
        return splitLines(author.lines, whole.subarray(end + 1), messageBytes, hear);
      },
    }),
  },
  "one-read": {
    words: "one read is taken for one message, whatever is in it",
    fails: {
      "chat-bracket": "1.2-8 1.11 1.12 2.4-6 3.2-4 3.6 3.7 4.5 5.6",
      "chat-json": "1.2-8 1.11 1.12 2.4-6 3.5 3.7 4.5 5.5-9",
    },
    change: () => ({
      split(_author, chunk, hear) {
        hear(chunk, 0, chunk.at(-1) === NEWLINE ? chunk.length - 1 : chunk.length);
        return true;
      },
    }),
  },
  decodes: {
    words: "each read is decoded and encoded again",
    fails: { "chat-bracket": "1.7 1.9", "chat-welcome": "1.7 1.9", "chat-stamped": "1.7 1.9" },
    change: ({ receive }) => ({
      receive: (author, chunk) => receive(author, Buffer.from(Buffer.from(chunk).toString())),
    }),
  },
  "dies-of-garbage": {
    words: "a byte above 0xf7 ends the server",
    fails: { "chat-bracket": "4.7", "chat-welcome": "4.7", "chat-stamped": "4.7", "chat-json": "4.7" },
    change: ({ receive, die }) => ({
      receive: (author, chunk) =>
        chunk.length > 1000 && chunk.some((byte) => byte > 0xf7) ? die() : receive(author, chunk),
    }),
  },
  "short-lines": {
    words: "a line over 4,096 bytes ends its author's connection",
    fails: {
      "chat-bracket": "3.1 3.2 3.8",
      "chat-welcome": "3.1 3.2 3.8",
      "chat-stamped": "3.1 3.8",
      "chat-json": "3.1 3.8",
    },
    change: () => ({ messageBytes: 4096 }),
  },
  "gathers-first": {
    words: "the limit is looked at when the line has ended, not before",
    fails: { "chat-bracket": "3.4", "chat-welcome": "3.4" },
    change: ({ hear, refuse }) => ({
      messageBytes: 1e9,
      hear: (author, bytes, from, to) =>
        to - from > MAX_LINE_BYTES ? refuse(author) : hear(author, bytes, from, to),
    }),
  },
  "relays-the-rest": {
    words: "what has come of a line at FIN is relayed",
    fails: { "chat-bracket": "3.7" },
    change: ({ closed, hear }) => ({
      closed(member, error) {
        const { partial, length } = member.lines;
        if (!member.gone && length > 0) hear(member, partial, 0, length);
        closed(member, error);
      },
    }),
  },
  "resets-too-long": {
    words: "who writes too long a line is reset at once, and not told",
    fails: { "chat-bracket": "5.6" },
    change: (room) => ({
      refuse(author) {
        leave(room, author);
        author.socket.terminate();
      },
    }),
  },
} as const satisfies Faults<ChatRoom>;

/** What is said, and who hears it. */
const messageFaults = {
  "leave-loses": {
    words: "the message after a member has left reaches nobody",
    change({ left, say }) {
      let justLeft = false;
      return {
        left(member) {
          justLeft = true;
          left(member);
        },
        say(author, text) {
          if (!justLeft) say(author, text);
          justLeft = false;
        },
      };
    },
  },
  crashes: {
    words: "the process ends at the Nth message",
    change({ say, every }) {
      let messages = 0;
      return { say: (author, text) => (++messages >= every ? process.exit(1) : say(author, text)) };
    },
  },
  backtracks: {
    words: "a pattern with overlapping quantifiers runs over each message",
    fails: { "chat-bracket": "6.4", "chat-welcome": "6.4", "chat-stamped": "6.4", "chat-json": "6.4" },
    process: true,
    change: saying((text) => (BACKTRACKING.test(text.toString("latin1")) ? undefined : text)),
  },
  "ends-at-nul": {
    words: "a message ends at its first NUL",
    fails: { "chat-bracket": "1.10", "chat-welcome": "1.10", "chat-stamped": "1.10", "chat-json": "1.10" },
    change: (room) => {
      const [nul, quote] = room.dialect.units === "objects" ? ["\\u0000", '"'] : ["\0", ""];
      return saying<Member>((text) =>
        text.includes(nul) ? Buffer.concat([text.subarray(0, text.indexOf(nul)), Buffer.from(quote)]) : text,
      )(room);
    },
  },
  obeys: {
    words: "a message that looks like a notice is swallowed",
    fails: { "chat-bracket": "1.12", "chat-stamped": "1.12" },
    change: saying((text) => (NOTICE.test(text.toString("latin1")) ? undefined : text)),
  },
  "deaf-to-others": {
    words: "only who came first is heard",
    fails: { "chat-bracket": "1.1-13 2.1-8 3.1-4 3.6-8 4.4-8 5.1 5.2 5.4-6" },
    change: ({ say, members }) => ({
      say: (author, text) => void (author === members()[0] && say(author, text)),
    }),
  },
  "closes-lonely": {
    words: "who speaks with nobody there is closed",
    fails: { "chat-bracket": "2.8", "chat-welcome": "2.8", "chat-json": "2.8" },
    change: ({ say, members, quit }) => ({
      say: (author, text) => (members().length === 1 ? quit(author) : say(author, text)),
    }),
  },
  "forgets-the-last": {
    words: "what came just before a FIN is dropped",
    fails: { "chat-bracket": "4.5" },
    change: ({ say }) => ({
      say: (author, text) => void setTimeout(() => author.gone || say(author, text), 5),
    }),
  },
  "queue-of-8": {
    words: "a reader who is eight messages behind gets no more, and stays",
    fails: { "chat-bracket": "4.2", "chat-welcome": "4.3" },
    change({ send, waiting }) {
      const missed = new Map<Member, number>();
      return {
        queueBytes: 64e6,
        send(member, message) {
          const count = waiting(member) > 0 ? (missed.get(member) ?? 0) + 1 : 0;
          missed.set(member, count);
          if (count <= 8) send(member, message);
        },
      };
    },
  },
} as const satisfies Faults<ChatRoom>;

/** Who comes and goes. */
const memberFaults = {
  keeps: { words: "the end of a connection is not noticed", change: () => ({ noticesEnds: false }) },
  hoards: {
    words: "each connection gets a buffer of 64 KiB before it has said anything",
    change({ opened }) {
      const hoard = new Map<Member, Uint8Array>();
      return {
        opened(member) {
          hoard.set(member, new Uint8Array(65_536).fill(1));
          opened(member);
        },
      };
    },
  },
  "idle-limit": {
    words: "a connection on which nothing is said or heard for 0.3 s is ended",
    fails: { "chat-bracket": "6.1", "chat-welcome": "6.1", "chat-stamped": "6.1", "chat-json": "6.1" },
    process: true,
    change({ opened, receive, send }) {
      const timers = new Map<Member, Timer>();
      return {
        opened(member) {
          timers.set(
            member,
            setTimeout(() => member.socket.terminate(), 300),
          );
          opened(member);
        },
        receive(member, chunk) {
          timers.get(member)?.refresh();
          receive(member, chunk);
        },
        send(member, message) {
          timers.get(member)?.refresh();
          send(member, message);
        },
      };
    },
  },
  "dies-of-reset": {
    words: "a reset ends the server",
    fails: {
      "chat-bracket": "4.4 4.6",
      "chat-welcome": "4.4 4.6 5.1 5.9",
      "chat-stamped": "4.4 4.6",
      "chat-json": "4.4 4.6",
    },
    change: ({ closed, die }) => ({
      closed: (member, error) => (error ? die() : closed(member)),
    }),
  },
  "room-for-40": {
    words: "more than forty connections are not served",
    fails: { "chat-bracket": "4.8", "chat-welcome": "4.8 5.9", "chat-json": "4.8" },
    change: ({ opened, members }) => ({
      opened: (member) => void (members().length < 40 && opened(member)),
    }),
  },
  "ids-by-count": {
    words: "a newcomer's id is the number of members",
    fails: { "chat-welcome": "5.8", "chat-stamped": "5.4" },
    change: ({ members }) => ({ nextId: () => members().length + 1 }),
  },
  "ids-from-0": {
    words: "ids count up from 0",
    fails: { "chat-welcome": "5.1" },
    change: ({ nextId }) => ({ nextId: () => nextId() - 1 }),
  },
  "quit-keeps-reading": {
    words: "what one says after leaving is relayed still",
    fails: { "chat-stamped": "5.11" },
    change: () => ({ listensTo: () => true }),
  },
} as const satisfies Faults<ChatRoom>;

const consoleFaults = {
  "console-off": {
    words: "the operator's console is not read",
    fails: { "chat-bracket": "5.7" },
    process: true,
    change: () => ({ readConsole() {} }),
  },
  "console-busy": {
    words: "the end of the console's input becomes a busy loop",
    fails: { "chat-bracket": "5.8" },
    process: true,
    change: () => ({
      consoleEnded: function spin(): void {
        setImmediate(spin);
      },
    }),
  },
  "console-stops": {
    words: "the end of the console's input ends the server",
    fails: { "chat-bracket": "5.8" },
    process: true,
    change: () => ({ consoleEnded: () => process.exit(0) }),
  },
} as const satisfies Faults<ChatRoom>;

export const chatFaults = {
  ...connectedRoomFaults<Member>(),
  ...framingFaults,
  ...messageFaults,
  ...memberFaults,
  ...consoleFaults,
  ...dialectFaults,
} as const satisfies Faults<ChatRoom>;

export type ChatFault = keyof typeof chatFaults | "none";
