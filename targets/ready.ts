/** Whether a server answers at an address: asked until it does, or asked once, before it is started. */

import { type Endpoint, placeOf } from "../clients/endpoint.ts";
import { openMembers } from "../clients/members.ts";
import { exitCodes, Failure } from "../platform/failure.ts";
import { printable } from "../platform/printable.ts";
import { udpIsBound } from "../platform/udp-bound.ts";
import { whoListens } from "./running.ts";
import type { Started } from "./started.ts";

const START_SECONDS = 10;
/** A program that closes its output without a word usually ends right after it. */
const LAST_MS = 500;
const POLL_MS = 50;
/** Where packets get lost a connect is tried for minutes. */
const CONNECT_MS = 5000;
const MAX_SHOWN = 120;

/** What listens there before a command was started would be measured in its place. */
export async function refuseTaken(command: string, target: Endpoint): Promise<void> {
  if (!(await listens(target))) return;
  const who = whoListens(target);
  throw new Failure(
    exitCodes.unreachable,
    `--exec "${command}": ${target.url} answered before it was started${who && `, by ${who}`}; stop that, or measure it without --exec`,
  );
}

/**
 * Resolves once the target answers; throws when the program ends before, or takes too long. `ready` tells why
 * it is not, and may ask for less than an answer where what is to be found out is whether it answers rightly.
 */
export async function untilAnswered(
  name: string,
  target: Endpoint,
  program: Started,
  ready: (target: Endpoint) => Promise<string | undefined> = whyNot,
): Promise<void> {
  const deadline = performance.now() + START_SECONDS * 1000;
  for (;;) {
    const why = await Promise.race([program.broken, ready(target)]);
    if (why === undefined) return;
    if (performance.now() > deadline) {
      const words = await program.output.lastWords();
      throw new Failure(
        exitCodes.unreachable,
        `${why}, ${START_SECONDS} s after ${name} was started${words && `, which wrote: ${words}`}`,
      );
    }
    await Bun.sleep(POLL_MS);
  }
}

/** The address that a program tells in a JSON line as its first: `{"listening": "<url>"}`. */
export async function untilListening(name: string, { broken, output }: Started): Promise<string> {
  const late = Promise.withResolvers<string>();
  const timer = setTimeout(() => late.resolve(""), START_SECONDS * 1000);
  try {
    const line = await Promise.race([broken, output.first, late.promise]);
    // A command that ends without a word is better told by how it ended.
    if (line === "") await Promise.race([broken, Bun.sleep(LAST_MS)]);
    const url = listeningUrl(line);
    if (url !== undefined) return url;
    const words = line ? `but "${printable(line.slice(0, MAX_SHOWN))}"` : `within ${START_SECONDS} s`;
    throw new Failure(exitCodes.unreachable, `${name} did not say where it listens, ${words}`);
  } finally {
    clearTimeout(timer);
  }
}

function listeningUrl(line: string): string | undefined {
  try {
    const { listening } = JSON.parse(line);
    return typeof listening === "string" ? listening : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Whether anybody has the port, whatever it speaks there. Of UDP, which has no handshake, only that it is bound can
 * be seen.
 */
export async function listens(target: Endpoint): Promise<boolean> {
  if (target.transport === "udp") return udpIsBound(target.hostname, target.port) ?? false;
  const connecting = Bun.connect({ ...placeOf({ ...target, tls: false }), socket: { data() {} } }).then(
    (socket) => {
      // By FIN: a server that cannot bear a reset is to hear of it from those who look for that.
      socket.end();
      return true;
    },
    () => false,
  );
  return Promise.race([connecting, Bun.sleep(CONNECT_MS).then(() => false)]);
}

/** Why the server cannot be talked to yet, over WebSocket after a handshake; undefined when it can. */
async function whyNot(target: Endpoint): Promise<string | undefined> {
  if (target.transport === "udp")
    return (await listens(target)) ? undefined : `nobody has the port of ${target.url}`;
  try {
    const [member] = await openMembers(target, 1, { onBytes() {}, onLost() {} });
    member.close();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
