#!/usr/bin/env bun
/** A server of a protocol that only tests know, with one fault: `bun servers/mutants/letters.ts --fault per-read`. */
import type { Socket } from "bun";
import { type Running, type ServerSpec, standalone, urlOf, wholeNumber } from "../standalone.ts";
import { addFaultOption, changed, changeOf } from "./fault.ts";
import { lettersFaults } from "./letters-faults.ts";
import { type LettersServer, type Member, newMember, plainLetters } from "./letters-room.ts";

type Options = { host: string; port: number; fault: string; every: number };

export function startLetters({ host, port, fault, every }: Options): Running {
  const die = () => listener.stop(true);
  const server = changed(plainLetters(every, die), changeOf<LettersServer>(lettersFaults, fault));
  const listener = Bun.listen<Member | undefined>({
    hostname: host,
    port,
    allowHalfOpen: true,
    socket: {
      open(socket) {
        const member = newMember(server, socket as Socket<Member>);
        socket.data = member;
        server.opened(member);
      },
      data: ({ data: member }, chunk) => void (member && server.receive(member, chunk)),
      drain: ({ data: member }) => void (member && server.drained(member)),
      end: ({ data: member }) => void (member && server.ended(member)),
      close: ({ data: member }, error) => void (member && server.closed(member, error)),
      error: ({ data: member }) => void (member && server.closed(member)),
    },
  });
  return { url: urlOf("tcp", host, listener.port), stop: die };
}

export const lettersMutant: ServerSpec = {
  summary: "rooms and requests of a small protocol, with one fault",
  protocol: () => "letters",
  port: () => 0,
  options: (program) =>
    addFaultOption(program, lettersFaults).option(
      "--every <number>",
      "the N of faults that strike every Nth message",
      wholeNumber(1),
      10,
    ),
  start: ({ host, port, fault, every }) =>
    startLetters({ host, port, fault: String(fault), every: Number(every) }),
};

if (import.meta.main) await standalone(lettersMutant);
