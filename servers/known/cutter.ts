#!/usr/bin/env bun
/**
 * A UDP relay that relays the first so many bytes of each datagram, and tells nobody: `bun servers/known/cutter.ts
 * --bytes 777`. That is the boundary which the scenario truncate must find, to the byte.
 */
import { RELAY_PORT } from "../../protocols/relay.ts";
import type { Relay } from "../mutants/relay.ts";
import { startChangedRelay } from "../mutants/relay.ts";
import { type Running, type ServerSpec, standalone, wholeNumber } from "../standalone.ts";

export type CutterOptions = { host: string; port: number; bytes: number };

/** Longer than any measurement; no address is forgotten. */
const FORGET_AFTER_SECONDS = 3600;

export function startCutter({ bytes, ...where }: CutterOptions): Promise<Running> {
  const cuts = ({ say }: Relay): Partial<Relay> => ({
    messageBytes: Number.POSITIVE_INFINITY,
    say: (author, payload) => say(author, payload.subarray(0, bytes)),
  });
  return startChangedRelay({ ...where, every: 1, forgetAfterSeconds: FORGET_AFTER_SECONDS }, cuts);
}

const spec: ServerSpec = {
  summary: "UDP relay that cuts datagrams at a known number of bytes",
  protocol: () => "relay",
  port: () => RELAY_PORT,
  options: (program) =>
    program.option("--bytes <number>", "what is relayed of a datagram", wholeNumber(1, 65_507), 777),
  start: ({ host, port, bytes }) => startCutter({ host, port, bytes: Number(bytes) }),
};

export default spec;
if (import.meta.main) await standalone(spec);
