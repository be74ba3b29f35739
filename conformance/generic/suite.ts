/** Conformance of a protocol that has nothing but its definition: one suite for all of them, under their own names. */
import { basename } from "node:path";
import type { Protocol } from "../../protocols/protocol.ts";
import type { Case } from "../case.ts";
import type { Context } from "../context.ts";
import { opening } from "./1-opening.ts";
import { messages } from "./2-messages.ts";
import { audience } from "./3-audience.ts";
import { others } from "./4-others.ts";
import { bodies } from "./5-bodies.ts";
import { requests } from "./5-requests.ts";
import { control } from "./6-control.ts";
import { clientsIn } from "./requests.ts";
import { roomIn } from "./room.ts";
import type { Rule } from "./rule.ts";

export const rules: readonly Rule[] = [
  ...opening,
  ...messages,
  ...audience,
  ...others,
  ...requests,
  ...bodies,
  ...control,
];

/** The rules as cases of one protocol; what its definition does not imply is unsupported. */
export const casesOf = (protocol: Protocol, slug: string): Case[] =>
  rules.map(({ number, follows, run, ...rest }) => ({
    ...rest,
    id: `${slug}/${number}`,
    source: `${protocol.module === undefined ? protocol.name : basename(protocol.module)}: ${follows}`,
    run: (t) => run(t, protocol),
  }));

/** A well-behaved client: one speaks and another hears, or one asks and is answered. */
export const serves = (protocol: Protocol) => async (t: Context) => {
  if (protocol.room) {
    const room = roomIn(t, protocol);
    const [alice] = await room.enter(2);
    await room.tell(alice);
  } else {
    const clients = clientsIn(t, protocol);
    await clients.exchange(await clients.join());
  }
};
