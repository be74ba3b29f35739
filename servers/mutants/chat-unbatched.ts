#!/usr/bin/env bun
/**
 * A right chat room without batching: each message is written to each recipient by itself, when it comes.
 * What the reference room gains by one write a recipient a tick is the difference to this one.
 */
import { type DialectName, dialectNames } from "../../protocols/chat.ts";
import { type ServerSpec, standalone } from "../standalone.ts";
import { chatMutant, startChatMutant } from "./chat.ts";

export const unbatchedChat: ServerSpec = {
  ...chatMutant,
  summary: "TCP chat room that writes each message to each recipient by itself",
  options: (program) =>
    program.addOption(
      program
        .createOption("--dialect <name>", "what the room speaks")
        .choices(dialectNames)
        .default("chat/bracket"),
    ),
  start: ({ host, port, dialect }) =>
    startChatMutant({ host, port, dialect: dialect as DialectName, fault: "none", every: 1 }),
};

export default unbatchedChat;
if (import.meta.main) await standalone(unbatchedChat);
