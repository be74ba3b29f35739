#!/usr/bin/env bun
/**
 * A TCP chat room with one fault: `bun servers/mutants/chat.ts --dialect chat/bracket --fault splits`.
 *
 * The room is the plainest that is right (`--fault none`): each message goes to each recipient by a write of
 * its own, as it comes. Each fault breaks one thing of it, and is there to show that a check can fail.
 */
import type { Socket } from "bun";
import { addressText } from "../../platform/address.ts";
import { createOutbox, flush, type Outbox, pending, send } from "../../platform/outbox.ts";
import {
  type Dialect,
  type DialectName,
  dialectNames,
  dialects,
  MAX_LINE_BYTES,
  MAX_QUEUE_BYTES,
  type Speaker,
} from "../../protocols/chat.ts";
import { createObjectSplitter, splitObjects } from "../../protocols/json-objects.ts";
import { createLineBuffer, type LineHandler, splitLines } from "../../protocols/lines.ts";
import { type Running, type ServerSpec, standalone, urlOf, wholeNumber } from "../standalone.ts";
import { dialectFaults, faultyDialect } from "./chat-dialects.ts";

/** Faults of the room itself; those of what it says are in chat-dialects.ts. */
const roomFaults = {
  none: "no fault",
  splits: "what a read leaves of a line is relayed as a line of its own",
  coalesces: "the lines of one read are relayed as one message",
  "one-read": "one read is taken for one message, whatever is in it",
  loses: "every Nth message of an author is not relayed",
  duplicates: "every Nth message of an author is relayed twice",
  reorders: "every Nth message of an author is relayed after the next one",
  corrupts: "a byte of every Nth message of an author is changed",
  "leave-loses": "the message after a member has left reaches nobody",
  keeps: "the end of a connection is not noticed",
  hoards: "each connection gets a buffer of 64 KiB before it has said anything",
  silent: "connections are accepted and read, and nothing is ever sent",
  crashes: "the process ends at the Nth message",
  stalls: "while one reader does not take its bytes, nobody gets any",
  "crowd-stalls": "while more than ten readers do not take their bytes, nobody gets any",
  backtracks: "a pattern with overlapping quantifiers runs over each message",
  "half-a-second": "a connection is ended half a second after its beginning",
  "idle-limit": "a connection on which nothing is said or heard for 0.3 s is ended",
  "queue-of-8": "a reader who is eight messages behind gets no more, and stays",
  "never-evicts": "what waits for a reader who does not read has no bound",
  decodes: "each read is decoded and encoded again",
  "ends-at-nul": "a message ends at its first NUL",
  trims: "blanks around a message are cut off",
  "skips-empty": "an empty message is not relayed",
  obeys: "a message that looks like a notice is swallowed",
  "first-only": "a message goes to one recipient, not to all",
  "deaf-to-others": "only who came first is heard",
  "wrong-author": "a message carries the address or id of who came last",
  history: "a newcomer gets the last message that was said",
  "closes-lonely": "who speaks with nobody there is closed",
  "short-lines": "a line over 4,096 bytes ends its author's connection",
  "no-limit": "a line may be of any length",
  "gathers-first": "the limit is looked at when the line has ended, not before",
  "relays-the-rest": "what has come of a line at FIN is relayed",
  "forgets-the-last": "what came just before a FIN is dropped",
  "dies-of-reset": "a reset ends the server",
  "dies-of-garbage": "a byte above 0xf7 ends the server",
  "dies-after-leave": "a message after a member has left ends the server",
  "room-for-40": "more than forty connections are not served",
  "resets-too-long": "who writes too long a line is reset at once, and not told",
  "ids-by-count": "a newcomer's id is the number of members",
  "ids-from-0": "ids count up from 0",
  "two-readers": "every second read goes to another reader, and is lost to this one",
  "quit-keeps-reading": "what one says after leaving is relayed still",
  "console-off": "the operator's console is not read",
  "console-busy": "the end of the console's input becomes a busy loop",
  "console-stops": "the end of the console's input ends the server",
} as const;

export const chatFaults = { ...roomFaults, ...dialectFaults } as const;
export type ChatFault = keyof typeof chatFaults;

/** For a text without an exclamation mark every way to share it between the four is tried. */
const BACKTRACKING = /^[^!]*[^!?]*[^!.]*[^!,]*!$/;

type Member = Speaker & {
  socket: Socket<Member>;
  outbox: Outbox;
  lines: ReturnType<typeof createLineBuffer>;
  objects: ReturnType<typeof createObjectSplitter>;
  said: number;
  /** Reads and writes. */
  traffic: number;
  hoard?: Uint8Array;
  waiting: number;
  held?: Uint8Array | undefined;
  gone: boolean;
};

export type ChatMutantOptions = {
  host: string;
  port: number;
  dialect: DialectName;
  fault: ChatFault;
  every: number;
  console?: ReadableStream<Uint8Array>;
};

export function startChatMutant(options: ChatMutantOptions): Running {
  const { host, port, dialect: name, fault, every, console: input } = options;
  const dialect: Dialect = faultyDialect(dialects[name], fault);
  const members = new Set<Member>();
  const limit =
    { "short-lines": 4096, "no-limit": 1e9, "gathers-first": 1e9 }[fault as string] ?? MAX_LINE_BYTES;
  let lastMessage = Buffer.alloc(0);
  let reads = 0;
  let someoneLeft = false;
  const backlog: (() => void)[] = [];
  let lastId = 0;
  let messages = 0;
  let left = false;

  /** What a crash is to everybody else, also where the server is part of another process. */
  const die = () => listener.stop(true);

  function deliver(member: Member, bytes: Uint8Array): void {
    member.traffic++;
    if (fault === "queue-of-8") {
      member.waiting = pending(member.outbox) > 0 ? member.waiting + 1 : 0;
      if (member.waiting > 8) return;
    }
    if (fault === "silent" || send(member.outbox, member.socket, bytes)) return;
    leave(member);
    member.socket.terminate();
  }

  function announce(text: string, except?: Member): void {
    for (const member of members) if (member !== except) deliver(member, Buffer.from(text));
  }

  function join(socket: Socket<Member>): void {
    // A connection that was reset before it was accepted has no address any more (Bun 1.4.5).
    if (!socket.remoteAddress) {
      socket.terminate();
      return;
    }
    const member: Member = {
      id: fault === "ids-by-count" ? members.size + 1 : fault === "ids-from-0" ? lastId++ : ++lastId,
      address: addressText(socket.remoteAddress, socket.remotePort),
      socket,
      outbox: createOutbox(
        ["never-evicts", "stalls", "crowd-stalls", "queue-of-8"].includes(fault) ? 64e6 : MAX_QUEUE_BYTES,
      ),
      waiting: 0,
      lines: createLineBuffer(),
      objects: createObjectSplitter(limit),
      said: 0,
      traffic: 0,
      gone: false,
    };
    if (fault === "hoards") member.hoard = new Uint8Array(65_536).fill(1);
    socket.data = member;
    if (fault === "room-for-40" && members.size >= 40) return;
    if (fault === "half-a-second") endAfter(member, 500);
    if (fault === "idle-limit") endAfter(member, 300);
    if (dialect.greeting) deliver(member, Buffer.from(dialect.greeting(member)));
    members.add(member);
    if (fault === "history") deliver(member, lastMessage);
    if (dialect.joined) announce(dialect.joined(member), dialect.newcomerSeesJoin ? undefined : member);
  }

  /** As a timer does that was meant for a handshake, or for somebody who is silent. */
  function endAfter(member: Member, milliseconds: number): void {
    const { traffic } = member;
    setTimeout(() => {
      if (fault === "half-a-second" || member.traffic === traffic) member.socket.terminate();
      else endAfter(member, milliseconds);
    }, milliseconds);
  }

  function leave(member: Member | undefined): void {
    if (!member || member.gone) return;
    member.gone = true;
    left = members.delete(member);
    someoneLeft ||= left;
    if (dialect.left) announce(dialect.left(member));
  }

  /** What is said is written, then FIN; what the peer still sends is read and dropped. */
  function quit(member: Member): void {
    leave(member);
    if (pending(member.outbox) === 0) member.socket.shutdown();
  }

  function relay(author: Member, message: Uint8Array): void {
    const others = [...members].filter((member) => dialect.echoes || member !== author);
    lastMessage = Buffer.from(message);
    if (fault === "closes-lonely" && members.size === 1) {
      quit(author);
      return;
    }
    const send = () => {
      for (const member of fault === "first-only" ? others.slice(0, 1) : others) deliver(member, message);
    };
    const behind = others.filter(({ outbox }) => pending(outbox) > 0).length;
    if ((fault === "stalls" && behind > 0) || (fault === "crowd-stalls" && behind > 10)) backlog.push(send);
    else send();
  }

  /** The faults of every Nth message stand here; all else is relayed as it is. */
  function relayOrNot(author: Member, message: Uint8Array): void {
    if (fault === "crashes" && ++messages >= every) process.exit(1);
    const forgotten = left && fault === "leave-loses";
    left = false;
    if (forgotten) return;
    const nth = ++author.said % every === 0;
    if (nth && fault === "loses") return;
    if (nth && fault === "corrupts") message[message.length - 3] ^= 1;
    if (nth && fault === "reorders") {
      author.held = message;
      return;
    }
    relay(author, message);
    if (nth && fault === "duplicates") relay(author, message);
    if (author.held) relay(author, author.held);
    author.held = undefined;
  }

  /** The faults of what a message is stand here. */
  function relayedText(text: Buffer): Buffer | undefined {
    if (fault === "skips-empty" && text.length <= dialect.say.prefix(1e9).length && !text.includes("o"))
      return undefined;
    if (fault === "backtracks" && BACKTRACKING.test(text.toString("latin1"))) return undefined;
    if (fault === "obeys" && /\[Server\]: |Welcome \d|^(?:\d+:)?\[SERVER\]/.test(text.toString("latin1")))
      return undefined;
    if (fault === "trims")
      return Buffer.from(text.toString("latin1").replace(/^(\d+:|")?\s+|\s+("?)$/g, "$1$2"), "latin1");
    const nul = fault === "ends-at-nul" ? text.indexOf(dialect.units === "objects" ? "\\u0000" : "\0") : -1;
    if (nul >= 0)
      return Buffer.concat([text.subarray(0, nul), Buffer.from(dialect.units === "objects" ? '"' : "")]);
    return text;
  }

  function hear(author: Member, bytes: Uint8Array, from: number, to: number): void {
    if (author.gone && fault !== "quit-keeps-reading") return;
    const heard = dialect.hear(bytes, from, to);
    if (heard === "leave") {
      quit(author);
      return;
    }
    if (heard === "nothing") return;
    if (fault === "dies-after-leave" && someoneLeft) {
      die();
      return;
    }
    if (fault === "deaf-to-others" && author !== [...members][0]) return;
    const text = relayedText(Buffer.from(bytes.subarray(heard.from, heard.to)));
    if (!text) return;
    const named = fault === "wrong-author" ? ([...members].pop() ?? author) : author;
    const whole = Buffer.concat([Buffer.from(dialect.prefix(named)), text, Buffer.from(dialect.suffix)]);
    if (fault !== "forgets-the-last") {
      relayOrNot(author, whole);
      return;
    }
    setTimeout(() => author.gone || relayOrNot(author, whole), 5);
  }

  function receive(author: Member, bytes: Uint8Array): void {
    author.traffic++;
    if (author.gone && fault !== "quit-keeps-reading") return;
    if (fault === "two-readers" && ++reads % 2 === 0 && author.said > 0) return;
    if (fault === "dies-of-garbage" && bytes.length > 1000 && bytes.some((byte) => byte > 0xf7))
      return void die();
    const chunk = fault === "decodes" ? Buffer.from(Buffer.from(bytes).toString()) : bytes;
    const onUnit = (bytes: Uint8Array, from: number, to: number) => {
      if (fault === "gathers-first" && to - from > MAX_LINE_BYTES) refuse(author);
      else hear(author, bytes, from, to);
    };
    if (fault === "one-read") {
      onUnit(chunk, 0, chunk.at(-1) === 10 ? chunk.length - 1 : chunk.length);
      return;
    }
    const readable =
      dialect.units === "objects"
        ? splitObjects(author.objects, chunk, onUnit) === undefined
        : receiveLines(author, chunk, onUnit);
    if (!readable && !author.gone) refuse(author);
  }

  function refuse(author: Member): void {
    if (fault === "resets-too-long") {
      leave(author);
      author.socket.terminate();
      return;
    }
    if (dialect.tooLong) deliver(author, Buffer.from(dialect.tooLong));
    quit(author);
  }

  function receiveLines(author: Member, chunk: Uint8Array, onUnit: LineHandler): boolean {
    const end = chunk.lastIndexOf(10);
    if (fault === "splits" && end < chunk.length - 1)
      return splitLines(author.lines, Buffer.concat([chunk, Buffer.from("\n")]), limit, onUnit);
    if (fault !== "coalesces" || end < 0) return splitLines(author.lines, chunk, limit, onUnit);
    const whole = Buffer.concat([author.lines.partial.subarray(0, author.lines.length), chunk]);
    author.lines = createLineBuffer();
    onUnit(whole, 0, whole.lastIndexOf(10));
    return splitLines(author.lines, whole.subarray(whole.lastIndexOf(10) + 1), limit, onUnit);
  }

  function finished(author: Member, error?: Error): void {
    if (fault === "dies-of-reset" && error) {
      die();
      return;
    }
    const { partial, length } = author.lines ?? { length: 0 };
    if (fault === "relays-the-rest" && !author.gone && length > 0) hear(author, partial, 0, length);
    leave(author);
  }

  const listener = Bun.listen<Member>({
    hostname: host,
    port,
    allowHalfOpen: fault === "keeps",
    socket: {
      open: join,
      data: (socket, chunk) => receive(socket.data, chunk),
      drain({ data: member }) {
        flush(member.outbox, member.socket);
        if (pending(member.outbox) === 0) for (const send of backlog.splice(0)) send();
        if (member.gone && pending(member.outbox) === 0) member.socket.shutdown();
      },
      end: fault === "keeps" ? () => {} : (socket) => void socket.end(),
      close: (socket, error) => finished(socket.data ?? {}, error),
      error: (socket) => leave(socket.data),
    },
  });
  if (input && fault !== "console-off")
    readConsole(input, fault, (text) => announce(dialect.fromServer?.(text) ?? ""));
  return { url: urlOf("tcp", host, listener.port), stop: () => listener.stop(true) };
}

async function readConsole(input: ReadableStream<Uint8Array>, fault: ChatFault, say: (line: string) => void) {
  const lines = createLineBuffer();
  for await (const chunk of input)
    splitLines(lines, chunk, MAX_LINE_BYTES, (bytes, from, to) =>
      say(Buffer.from(bytes.subarray(from, to)).toString()),
    );
  if (fault === "console-stops") process.exit(0);
  const spin = () => void setImmediate(spin);
  if (fault === "console-busy") spin();
}

export const chatMutant: ServerSpec = {
  summary: "TCP chat room with one fault",
  protocol: (options) => String(options.dialect),
  port: (options) => dialects[options.dialect as DialectName].port,
  options: (program) =>
    program
      .addOption(
        program
          .createOption("--dialect <name>", "what the room speaks")
          .choices(dialectNames)
          .default("chat/bracket"),
      )
      .addOption(
        program
          .createOption("--fault <name>", "what is wrong")
          .choices(Object.keys(chatFaults))
          .default("none"),
      )
      .option("--every <number>", "the N of faults that strike every Nth message", wholeNumber(1), 10),
  start: ({ host, port, dialect, fault, every }) =>
    startChatMutant({
      host,
      port,
      dialect: dialect as DialectName,
      fault: fault as ChatFault,
      every: Number(every),
      // Only a program of its own has a console: in a test the input is the test's.
      ...(import.meta.main ? { console: Bun.stdin.stream() } : {}),
    }),
};

if (import.meta.main) await standalone(chatMutant);
