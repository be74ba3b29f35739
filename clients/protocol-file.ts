/**
 * `--protocol` as a name or a file: here alone it is decided which, and a file is loaded, checked and made known. It may
 * stand in any folder: `sockbench/protocol` is then this program's own.
 */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { now } from "../platform/clock.ts";
import { exitCodes, Failure } from "../platform/failure.ts";
import { seededRandom } from "../platform/random.ts";
import * as api from "../protocol.ts";
import { checkProtocol } from "../protocols/check.ts";
import { payloadOf } from "../protocols/define.ts";
import { addProtocol, findProtocol } from "../protocols/index.ts";
import type { Protocol } from "../protocols/protocol.ts";
import { writeMessage } from "../protocols/stamp.ts";

/** Units of a round, and rounds: a few milliseconds. */
const UNITS = 2000;
const ROUNDS = 7;
const MESSAGE_BYTES = 64;

/** Whether this is meant as a file: protocols have no extension, and no name begins with a dot or a slash. */
export const isProtocolFile = (given: string): boolean =>
  /^\.{0,2}\//.test(given) || /\.[cm]?[jt]s$/.test(given);

/** What a file turned out to be: for whoever tells it. */
export type LoadedProtocol = { protocol: Protocol; units: number; parserNs: number | undefined };

export const loadedWords = ({ protocol: { name }, units, parserNs }: LoadedProtocol): string =>
  `protocol ${name}: checked with ${units} units, split and coalesced; ` +
  (parserNs === undefined
    ? "each message is compared with constant bytes around it"
    : `its parser takes ${parserNs} ns for each message`);

/** The name of the protocol that is meant; a file's protocol is known by it from now on. */
export async function resolveProtocol(
  given: string,
  tell?: (loaded: LoadedProtocol) => void,
): Promise<string> {
  if (!isProtocolFile(given) || findProtocol(given)) return given;
  const path = resolve(given);
  const usage = (why: string) => new Failure(exitCodes.usage, `--protocol ${given}: ${why}`);
  if (!existsSync(path)) throw usage("there is no such file");
  let protocol: Protocol;
  try {
    protocol = await importProtocol(path);
  } catch (error) {
    throw usage(reasonOf(error));
  }
  if (findProtocol(protocol.name) && findProtocol(protocol.name)?.module !== path)
    throw usage(`name: there is a protocol "${protocol.name}" already`);
  const units = checkedUnits(protocol, usage);
  const parserNs = parserCost(protocol);
  addProtocol({ ...protocol, module: path, ...(parserNs === undefined ? {} : { parserNs }) });
  tell?.({ protocol, units, parserNs });
  return protocol.name;
}

function checkedUnits(protocol: Protocol, usage: (why: string) => Failure): number {
  try {
    return checkProtocol(protocol);
  } catch (error) {
    throw usage(reasonOf(error));
  }
}

/** Several errors of one file are told by the first. */
function reasonOf(error: unknown): string {
  const first = error instanceof AggregateError ? error.errors[0] : error;
  const message = first instanceof Error ? first.message : String(first?.message ?? first);
  const place = first?.position ? ` (line ${first.position.line})` : "";
  return message.replace(/^protocol \S+: /, "").split("\n")[0] + place;
}

let provided = false;

/** The file's protocol, in this process and, by its path, in the fleets'. */
export async function importProtocol(path: string): Promise<Protocol> {
  if (!provided)
    Bun.plugin({
      name: "sockbench/protocol",
      setup: (build) =>
        void build.module("sockbench/protocol", () => ({ exports: { ...api }, loader: "object" })),
    });
  provided = true;
  const { default: value } = await import(path);
  if (typeof value?.react !== "function" || typeof value.name !== "string")
    throw new Error("its default export is no protocol; write export default defineProtocol({ … })");
  return { ...value, module: path };
}

/**
 * Nanoseconds that the file's own code takes for each delivery or reply: only where a header varies is it asked for
 * each. The best of some rounds, so that it is what the code costs and not what the machine did.
 */
function parserCost(protocol: Protocol): number | undefined {
  const work = deliveryParser(protocol) ?? replyParser(protocol);
  if (!work) return undefined;
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round++) {
    const start = now();
    for (let i = 0; i < UNITS; i++) work();
    best = Math.min(best, (now() - start) / UNITS);
  }
  return Math.round(best);
}

function deliveryParser({ room, framing }: Protocol): (() => void) | undefined {
  const wire = room?.(MESSAGE_BYTES);
  const { find } = wire ?? {};
  if (!wire || !find) return undefined;
  const body = new Uint8Array(MESSAGE_BYTES);
  writeMessage(new DataView(body.buffer), 0, MESSAGE_BYTES, 2, 0, 0, 0);
  const prefix = wire.deliveryPrefix({ address: "127.0.0.1:45678", id: "1" });
  const unit = new Uint8Array([...prefix, ...body, ...wire.deliverySuffix]);
  return () => {
    const end = framing.end(unit, 0, unit.length);
    find(payloadOf(framing, unit, 0, end));
  };
}

function replyParser({ requests, framing }: Protocol): (() => void) | undefined {
  const { essence } = requests ?? {};
  const unit = requests?.at(0, 0, seededRandom(1))?.example;
  if (!essence || !unit) return undefined;
  return () => {
    const end = framing.end(unit, 0, unit.length);
    essence(payloadOf(framing, unit, 0, end));
  };
}
