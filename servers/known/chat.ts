#!/usr/bin/env bun
/**
 * A room of chat/bracket that is right, and of which one thing is known: `bun servers/known/chat.ts --deliveries 5000`.
 * What the bench says of it can be held against that: a slow room is not wrong, a room that talks by itself is.
 */
import type { Socket } from "bun";
import { addressText } from "../../platform/address.ts";
import { createOutbox, flush, type Outbox, pending, send } from "../../platform/outbox.ts";
import { dialects, MAX_LINE_BYTES } from "../../protocols/chat.ts";
import { createLineBuffer, type LineBuffer, splitLines } from "../../protocols/lines.ts";
import { type Running, type ServerSpec, standalone, urlOf, wholeNumber } from "../standalone.ts";

export type KnownChatOptions = {
  host: string;
  port: number;
  /** Deliveries that it makes in a second at most; 0 for as many as it can. */
  deliveries: number;
  /** After so many messages the third member gets nothing more, and stays; 0 for never. */
  deafAfter: number;
  /** Whether each member gets lines without end that nobody has said. */
  endless: boolean;
};

type Member = { socket: Socket<Member>; prefix: Uint8Array; lines: LineBuffer; outbox: Outbox };
type Message = { from: Member; bytes: Uint8Array; to: Iterator<Member> };

const { prefix, port: WELL_KNOWN_PORT } = dialects["chat/bracket"];
const QUEUE_BYTES = 64 * 1_048_576;
const ENDLESS_LINES = Buffer.from("[127.0.0.1:1]: and another thing\n".repeat(2000));
const DEAF = 2;

export function startKnownChat(options: KnownChatOptions): Running {
  const { deliveries, deafAfter, endless } = options;
  const members = new Set<Member>();
  const waiting: Message[] = [];
  let messages = 0;
  let begin = 0;
  let made = 0;

  function relay(from: Member, bytes: Uint8Array): void {
    if (waiting.length === 0) [begin, made] = [performance.now(), 0];
    waiting.push({ from, bytes, to: [...members].values() });
    if (waiting.length === 1) work();
  }

  /** Delivers what is due by now, message by message, in order. */
  function work(): void {
    const due =
      deliveries === 0 ? Number.POSITIVE_INFINITY : ((performance.now() - begin) / 1000) * deliveries;
    while (waiting.length > 0 && made < due) deliverNext(waiting[0]);
    if (waiting.length > 0) setTimeout(work, 1);
  }

  function deliverNext({ from, bytes, to }: Message): void {
    const { value: member, done } = to.next();
    if (done) {
      waiting.shift();
      messages++;
      return;
    }
    const isDeaf = deafAfter > 0 && messages >= deafAfter && [...members][DEAF] === member;
    if (member === from || isDeaf || !members.has(member)) return;
    made++;
    send(member.outbox, member.socket, Buffer.concat([from.prefix, bytes]));
  }

  function talk(member: Member): void {
    if (!members.has(member)) return;
    if (pending(member.outbox) === 0) send(member.outbox, member.socket, ENDLESS_LINES);
    setImmediate(() => talk(member));
  }

  const listener = Bun.listen<Member>({
    hostname: options.host,
    port: options.port,
    socket: {
      open(socket) {
        const address = addressText(socket.remoteAddress, socket.remotePort);
        socket.data = {
          socket,
          prefix: Buffer.from(prefix({ id: 0, address })),
          lines: createLineBuffer(),
          outbox: createOutbox(QUEUE_BYTES),
        };
        members.add(socket.data);
        if (endless) talk(socket.data);
      },
      data({ data: member }, chunk) {
        splitLines(member.lines, chunk, MAX_LINE_BYTES, (bytes, from, to) =>
          relay(member, Buffer.concat([bytes.subarray(from, to), Buffer.from("\n")])),
        );
      },
      drain: ({ data: member }) => flush(member.outbox, member.socket),
      close: ({ data: member }) => void members.delete(member),
    },
  });
  return { url: urlOf("tcp", options.host, listener.port), stop: () => listener.stop(true) };
}

const spec: ServerSpec = {
  summary: "TCP chat room of which one thing is known",
  protocol: () => "chat/bracket",
  port: () => WELL_KNOWN_PORT,
  options: (program) =>
    program
      .option("--deliveries <number>", "most deliveries a second, 0 for any number", wholeNumber(0), 0)
      .option("--deaf-after <messages>", "the third member gets nothing after so many", wholeNumber(0), 0)
      .option("--endless", "members get lines that nobody has said, without end", false),
  start: ({ host, port, deliveries, deafAfter, endless }) =>
    startKnownChat({
      host,
      port,
      deliveries: Number(deliveries),
      deafAfter: Number(deafAfter),
      endless: endless === true,
    }),
};

export default spec;
if (import.meta.main) await standalone(spec);
