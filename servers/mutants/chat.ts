#!/usr/bin/env bun
/**
 * A TCP chat room with one fault: `bun servers/mutants/chat.ts --dialect chat/bracket --fault splits`.
 * The room is in chat-room.ts, and right with `--fault none`; what can be wrong with it is in chat-faults.ts.
 */
import type { Socket } from "bun";
import { type DialectName, dialectNames, dialects } from "../../protocols/chat.ts";
import { type Running, type ServerSpec, standalone, urlOf, wholeNumber } from "../standalone.ts";
import { type ChatFault, chatFaults } from "./chat-faults.ts";
import { type ChatRoom, leave, type Member, newMember, plainRoom } from "./chat-room.ts";
import { addFaultOption, changed, changeOf } from "./fault.ts";

export type ChatMutantOptions = {
  host: string;
  port: number;
  dialect: DialectName;
  fault: ChatFault;
  every: number;
  console?: ReadableStream<Uint8Array>;
};

export const startChatMutant = ({ fault, ...options }: ChatMutantOptions): Running =>
  startChangedChat(options, changeOf<ChatRoom>(chatFaults, fault));

/** The plain room with another decision or two. */
export function startChangedChat(
  { host, port, dialect, every, console }: Omit<ChatMutantOptions, "fault">,
  change: (right: ChatRoom) => Partial<ChatRoom>,
): Running {
  const die = () => listener.stop(true);
  const room = changed(plainRoom(dialects[dialect], every, die), change);
  const listener = Bun.listen<Member | undefined>({
    hostname: host,
    port,
    allowHalfOpen: !room.noticesEnds,
    socket: {
      open(socket) {
        // A connection that was reset before it was accepted has no address any more (Bun 1.4.5).
        if (!socket.remoteAddress) return void socket.terminate();
        const member = newMember(room, socket as Socket<Member>);
        socket.data = member;
        room.opened(member);
      },
      data: ({ data: member }, chunk) => void (member && room.receive(member, chunk)),
      drain: ({ data: member }) => void (member && room.drained(member)),
      end: (socket) => void (room.noticesEnds && socket.end()),
      close: ({ data: member }, error) => void (member && room.closed(member, error)),
      error: ({ data: member }) => void (member && leave(room, member)),
    },
  });
  if (console)
    room.readConsole(console, (line) => {
      const text = room.dialect.fromServer?.(line) ?? "";
      for (const member of room.members()) room.send(member, Buffer.from(text));
    });
  return { url: urlOf("tcp", host, listener.port), stop: die };
}

export const chatMutant: ServerSpec = {
  summary: "TCP chat room with one fault",
  protocol: (options) => String(options.dialect),
  port: (options) => dialects[options.dialect as DialectName].port,
  options: (program) =>
    addFaultOption(
      program.addOption(
        program
          .createOption("--dialect <name>", "what the room speaks")
          .choices(dialectNames)
          .default("chat/bracket"),
      ),
      chatFaults,
    ).option("--every <number>", "the N of faults that strike every Nth message", wholeNumber(1), 10),
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
