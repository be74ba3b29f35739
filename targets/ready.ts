/** Whether a server answers at an address: asked until it does, or asked once, before it is started. */

import { dial } from "../clients/dial.ts";
import { type Endpoint, parseEndpoint, placeOf } from "../clients/endpoint.ts";
import { firstHandshake } from "../clients/joining.ts";
import { connectReason, openMembers } from "../clients/members.ts";
import { printable } from "../platform/printable.ts";
import { udpIsBound } from "../platform/udp-bound.ts";
import { protocolOf } from "../protocols/index.ts";
import { whoListens } from "./running.ts";
import { failedToStart, type Started } from "./started.ts";

const START_SECONDS = 10;
/** A program that closes its output without a word usually ends right after it. */
const LAST_MS = 500;
const POLL_MS = 50;
/** A command that puts its server into the background has ended by then, and nothing of ours runs any more. */
const SETTLE_MS = 100;
/** A UDP server that cannot be seen is given so long. */
const BLIND_MS = 500;
/** Where packets get lost a connect is tried for minutes. */
const CONNECT_MS = 5000;
const MAX_SHOWN = 120;

/** What listens there before a command was started would be measured in its place. */
export async function refuseTaken(name: string, target: Endpoint): Promise<void> {
  if (!(await listens(target))) return;
  const who = whoListens(target);
  throw failedToStart(
    name,
    `${target.url} answered before it was started${who && `, by ${who}`}; stop that, or measure it as it runs, by its address alone`,
  );
}

/**
 * Resolves once the target answers; throws when the program ends before, or takes too long. A `bare` connection is
 * less than an answer over WebSocket: where what is to be found out is whether it answers rightly.
 */
export async function untilAnswered(
  name: string,
  target: Endpoint,
  program: Started,
  protocol: string,
  bare = false,
): Promise<void> {
  const deadline = performance.now() + START_SECONDS * 1000;
  for (;;) {
    const why = await Promise.race([program.broken, whyNot(target, protocol, bare)]);
    if (why === undefined) break;
    if (performance.now() > deadline) {
      const words = await program.output.lastWords();
      throw failedToStart(name, `${why}, after ${START_SECONDS} s${words && `; it wrote: ${words}`}`);
    }
    await Bun.sleep(POLL_MS);
  }
  await Promise.race([program.broken, Bun.sleep(SETTLE_MS)]);
  if (!program.alive()) await program.broken;
}

/** The address that a program tells in a JSON line as its first: `{"listening": "<url>"}`. */
export async function untilListening(name: string, { broken, output }: Started): Promise<Endpoint> {
  const late = Promise.withResolvers<string>();
  const timer = setTimeout(() => late.resolve(""), START_SECONDS * 1000);
  try {
    const line = await Promise.race([broken, output.first, late.promise]);
    // A command that ends without a word is better told by how it ended.
    if (line === "") await Promise.race([broken, Bun.sleep(LAST_MS)]);
    const endpoint = parseEndpoint(listeningUrl(line) ?? "");
    if (endpoint) return endpoint;
    const words = line ? `its first line is "${printable(line.slice(0, MAX_SHOWN))}"` : "it printed nothing";
    throw failedToStart(
      name,
      `where it listens is not known (${words}): give --target, use {port}, or print one JSON line, {"listening": "tcp://127.0.0.1:8080"}`,
    );
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

/** Why nobody can be talked to at an address; of a UDP server that cannot be told, so it is given a moment. */
export async function whyUnreachable(address: Endpoint): Promise<string | undefined> {
  if (address.transport === "udp") return Bun.sleep(BLIND_MS).then(() => undefined);
  try {
    const socket = await dial(address, { data() {} });
    // By FIN: a server that cannot bear a reset is to hear of it from the case that is about resets.
    socket.end();
    return undefined;
  } catch (error) {
    return connectReason(address, error);
  }
}

/** Why the server cannot be talked to yet; undefined when it can. */
async function whyNot(target: Endpoint, protocol: string, bare: boolean): Promise<string | undefined> {
  if (target.transport === "udp") {
    const bound = udpIsBound(target.hostname, target.port);
    if (bound === undefined) return Bun.sleep(BLIND_MS).then(() => undefined);
    return bound ? undefined : `nobody has the port of ${target.url}`;
  }
  if (bare) return (await listens(target)) ? undefined : `${target.url} does not answer`;
  try {
    const [member] = await openMembers(target, 1, {
      onBytes() {},
      onLost() {},
      handshake: () => firstHandshake(protocolOf(protocol), target),
    });
    member.close();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
