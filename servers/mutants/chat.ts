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

export const chatFaults = {
  none: "no fault",
  splits: "what a read leaves of a line is relayed as a line of its own",
  coalesces: "the lines of one read are relayed as one message",
  loses: "every Nth message of an author is not relayed",
  duplicates: "every Nth message of an author is relayed twice",
  reorders: "every Nth message of an author is relayed after the next one",
  corrupts: "a byte of every Nth message of an author is changed",
  "leave-loses": "the message after a member has left reaches nobody",
  keeps: "the end of a connection is not noticed",
  silent: "connections are accepted and read, and nothing is ever sent",
  crashes: "the process ends at the Nth message",
} as const;

export type ChatFault = keyof typeof chatFaults;

type Member = Speaker & {
  socket: Socket<Member>;
  outbox: Outbox;
  lines: ReturnType<typeof createLineBuffer>;
  objects: ReturnType<typeof createObjectSplitter>;
  said: number;
  held?: Uint8Array | undefined;
  gone: boolean;
};

export type ChatMutantOptions = {
  host: string;
  port: number;
  dialect: DialectName;
  fault: ChatFault;
  every: number;
};

export function startChatMutant({ host, port, dialect: name, fault, every }: ChatMutantOptions): Running {
  const dialect: Dialect = dialects[name];
  const members = new Set<Member>();
  let lastId = 0;
  let messages = 0;
  let left = false;

  function deliver(member: Member, bytes: Uint8Array): void {
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
      id: ++lastId,
      address: addressText(socket.remoteAddress, socket.remotePort),
      socket,
      outbox: createOutbox(MAX_QUEUE_BYTES),
      lines: createLineBuffer(),
      objects: createObjectSplitter(MAX_LINE_BYTES),
      said: 0,
      gone: false,
    };
    socket.data = member;
    if (dialect.greeting) deliver(member, Buffer.from(dialect.greeting(member)));
    members.add(member);
    if (dialect.joined) announce(dialect.joined(member), dialect.newcomerSeesJoin ? undefined : member);
  }

  function leave(member: Member | undefined): void {
    if (!member || member.gone) return;
    member.gone = true;
    members.delete(member);
    left = true;
    if (dialect.left) announce(dialect.left(member));
  }

  /** What is said is written, then FIN; what the peer still sends is read and dropped. */
  function quit(member: Member): void {
    leave(member);
    if (pending(member.outbox) === 0) member.socket.shutdown();
  }

  function relay(author: Member, message: Uint8Array): void {
    for (const member of members) if (dialect.echoes || member !== author) deliver(member, message);
  }

  /** The faults of every Nth message stand here; all else is relayed as it is. */
  function relayOrNot(author: Member, message: Uint8Array): void {
    if (fault === "crashes" && ++messages >= every) process.exit(1);
    const forgotten = left && fault === "leave-loses";
    left = false;
    if (forgotten) return;
    const nth = ++author.said % every === 0;
    if (nth && fault === "loses") return;
    if (nth && fault === "corrupts") message[message.length - 1 - dialect.suffix.length] ^= 1;
    if (nth && fault === "reorders") {
      author.held = message;
      return;
    }
    relay(author, message);
    if (nth && fault === "duplicates") relay(author, message);
    if (author.held) relay(author, author.held);
    author.held = undefined;
  }

  function hear(author: Member, bytes: Uint8Array, from: number, to: number): void {
    if (author.gone) return;
    const heard = dialect.hear(bytes, from, to);
    if (heard === "leave") {
      quit(author);
      return;
    }
    if (heard === "nothing") return;
    const text = bytes.subarray(heard.from, heard.to);
    relayOrNot(
      author,
      Buffer.concat([Buffer.from(dialect.prefix(author)), text, Buffer.from(dialect.suffix)]),
    );
  }

  function receive(author: Member, chunk: Uint8Array): void {
    if (author.gone) return;
    const onUnit = (bytes: Uint8Array, from: number, to: number) => hear(author, bytes, from, to);
    const readable =
      dialect.units === "objects"
        ? splitObjects(author.objects, chunk, onUnit) === undefined
        : receiveLines(author, chunk, onUnit);
    if (readable || author.gone) return;
    if (dialect.tooLong) deliver(author, Buffer.from(dialect.tooLong));
    quit(author);
  }

  function receiveLines(author: Member, chunk: Uint8Array, onUnit: LineHandler): boolean {
    const end = chunk.lastIndexOf(10);
    if (fault === "splits" && end < chunk.length - 1)
      return splitLines(author.lines, Buffer.concat([chunk, Buffer.from("\n")]), MAX_LINE_BYTES, onUnit);
    if (fault !== "coalesces" || end < 0) return splitLines(author.lines, chunk, MAX_LINE_BYTES, onUnit);
    const whole = Buffer.concat([author.lines.partial.subarray(0, author.lines.length), chunk]);
    author.lines = createLineBuffer();
    onUnit(whole, 0, whole.lastIndexOf(10));
    return splitLines(author.lines, whole.subarray(whole.lastIndexOf(10) + 1), MAX_LINE_BYTES, onUnit);
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
        if (member.gone && pending(member.outbox) === 0) member.socket.shutdown();
      },
      end: fault === "keeps" ? () => {} : (socket) => void socket.end(),
      close: (socket) => leave(socket.data),
      error: (socket) => leave(socket.data),
    },
  });
  return { url: urlOf("tcp", host, listener.port), stop: () => listener.stop(true) };
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
    }),
};

if (import.meta.main) await standalone(chatMutant);
