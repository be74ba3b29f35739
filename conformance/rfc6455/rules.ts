/** What the sections on RFC 6455 share: an echo under test, and protocol errors that many frames share. */
import { FIN, opcodes } from "../../protocols/websocket.ts";
import type { Case, Ending } from "../case.ts";
import type { Context } from "../context.ts";
import { message, type WsPeer } from "../ws-peer.ts";

export type RfcRule = Omit<Case, "id" | "source" | "run"> & {
  number: string;
  /** Section of RFC 6455. */
  section: string;
  run: (alice: WsPeer, t: Context) => Promise<void>;
};

/** How a connection is failed (RFC 6455 7.1.7): it MUST end, and SHOULD do so with this code. */
export const failsWith = (...codes: number[]): Ending => ({ codes, should: true });

/** A protocol error: the connection is failed with 1002. */
export function breaks(
  number: string,
  section: string,
  title: string,
  requirement: string,
  send: (alice: WsPeer) => void,
): RfcRule {
  return {
    number,
    section,
    title,
    requirement,
    level: "MUST",
    ends: failsWith(1002),
    run: async (alice) => send(alice),
  };
}

/** A message that is echoed unchanged. */
export function echoes(
  number: string,
  section: string,
  title: string,
  requirement: string,
  payload: string | Uint8Array,
): RfcRule {
  const opcode = typeof payload === "string" ? opcodes.text : opcodes.binary;
  return {
    number,
    section,
    title,
    requirement,
    level: "MUST",
    async run(alice) {
      alice.send(FIN | opcode, payload);
      await message(alice, opcode, payload);
    },
  };
}

export const bytes = (length: number): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => (i * 31 + 5) & 0xff);

/** The rules as cases: each has a connection whose handshake is done. */
export const overEcho = (rules: readonly RfcRule[]): Case[] =>
  rules.map(({ number, section, run, ...rest }) => ({
    ...rest,
    id: `rfc6455/${number}`,
    source: `RFC 6455 ${section}`,
    run: async (t) => run(await t.ws("alice"), t),
  }));

export async function echoServes(t: Context): Promise<void> {
  const peer = await t.ws("fresh");
  peer.text("still there?");
  await message(peer, opcodes.text, "still there?");
}
