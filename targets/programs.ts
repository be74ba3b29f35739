/**
 * Programs of this project as servers under test, ours and their peers, mutants, those of another revision: they take
 * `--port 0 --json` and say on their first line where they listen. Each start is a process of its own.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Endpoint } from "../clients/endpoint.ts";
import { ownProgram } from "../platform/own.ts";
import { servers } from "../servers/index.ts";
import { type PeerLanguage, peerCommand, peerLanguages, peerProtocols } from "../servers/peers/index.ts";
import { yardsticks } from "../servers/yardstick/frozen.ts";
import { pausing } from "./pause.ts";
import { atPath } from "./place.ts";
import { untilListening } from "./ready.ts";
import type { ServerSource, ServerUnderTest, StartOptions } from "./server.ts";
import { failedToStart, type Started, startProgram } from "./started.ts";

/** Programs that run on Bun, file and flags by protocol, for each implementation of that name. */
const onBun: Record<string, Record<string, readonly string[]>> = {
  bun: {
    ...Object.fromEntries(Object.entries(servers).map(([name, { file, flags }]) => [name, [file, ...flags]])),
    // Of protocols that others' servers are measured by; they are none of the twelve.
    stomp: ["foreign/stomp.ts"],
    http: ["foreign/http.ts"],
  },
  // A room without batches, to measure what batching is worth.
  unbatched: { "chat/bracket": ["mutants/chat-unbatched.ts"] },
  // What never changes, to compare runs of different days by.
  yardstick: Object.fromEntries(
    Object.values(yardsticks)
      .flatMap((byTransport) => Object.values(byTransport))
      .map(({ protocol, file, flag }) => [protocol, [file, flag]]),
  ),
};

/** The implementations that can be asked for by name. */
export const implementationNames: readonly string[] = [...Object.keys(onBun), ...peerLanguages];

/** What to spawn for a protocol, or why there is nothing to spawn. */
type Choice = { command: readonly string[] } | { unsupported: string };

/** A program, or one for each protocol. */
export function program(
  name: string,
  commandFor: (protocol: string) => Choice | Promise<Choice>,
): ServerSource {
  return {
    name,
    kind: "program",
    async missing(protocol) {
      const choice = await commandFor(protocol);
      return "unsupported" in choice ? choice.unsupported : undefined;
    },
    async start(protocol, options = {}) {
      const label = `${name} server for ${protocol}`;
      const choice = await commandFor(protocol);
      if ("unsupported" in choice) throw failedToStart(label, choice.unsupported);
      const { directory, flags, forget } = ownDirectory(options);
      const argv = [...choice.command, "--port", "0", "--json", ...flags];
      try {
        const server = await started(label, argv, options, async (one) =>
          atPath(await untilListening(label, one), options.path),
        );
        const stop = () => server.stop().finally(forget);
        return { ...server, ...(directory ? { directory } : {}), stop };
      } catch (error) {
        forget();
        throw error;
      }
    },
  };
}

/** The flags of a program of ours, with a directory for its files where it is to have one, until that is forgotten. */
export function ownDirectory({ flags = [], directory: wanted = false }: StartOptions) {
  if (!wanted) return { flags, forget() {} };
  const directory = mkdtempSync(join(tmpdir(), "sockbench-files-"));
  const forget = () => rmSync(directory, { recursive: true, force: true });
  return { directory, flags: [...flags, "--dir", directory], forget };
}

/** One of the implementations in this project. */
export function implementation(name: string): ServerSource {
  const source = program(name, (protocol) => {
    if (!(name in onBun)) return peerCommand(name as PeerLanguage, protocol);
    const script = onBun[name][protocol];
    return script
      ? ours(`servers/${script[0]}`, ...script.slice(1))
      : { unsupported: `there is no ${name} server for ${protocol}` };
  });
  const protocols = name in onBun ? Object.keys(onBun[name]) : peerProtocols(name as PeerLanguage);
  return { ...source, protocols };
}

/** A program of this project by its file, as seen from the project's folder. */
export const ours = (file: string, ...flags: readonly string[]) => ({ command: ownProgram(file, ...flags) });

/** The servers of a checkout of this project, by its own `serve` command. */
export const checkout = (name: string, tree: string): ServerSource =>
  program(name, (protocol) => ({
    command: [process.execPath, `${tree}/bench/sockbench.ts`, "serve", protocol],
  }));

/** Starts a program; once it is `ready`, which tells its address, its end is its own fault. */
export async function started(
  name: string,
  argv: readonly string[],
  { cpus, console = false, padding = 0 }: StartOptions,
  ready: (program: Started) => Promise<Endpoint>,
): Promise<ServerUnderTest> {
  const one = startProgram(name, [...argv], cpus, { console, padding });
  try {
    const endpoint = await ready(one);
    one.serves();
    const { pause, resume } = pausing(name, one.pids);
    const words = one.broken.catch(({ message }: Error) => message);
    return {
      ...endpoint,
      pids: one.pids,
      pid: one.pid,
      pinned: cpus !== undefined,
      broken: one.broken,
      alive: one.alive,
      lastWords: async () => (one.alive() ? undefined : words),
      restarts: () => 0,
      ...(one.console ? { console: one.console } : {}),
      pause,
      resume,
      async stop() {
        resume();
        await one.stop();
        return countersIn(await one.output.last());
      },
    };
  } catch (error) {
    await one.stop();
    throw error;
  }
}

/** What the last JSON line of a server of ours counts. */
function countersIn(line: string): Record<string, number> {
  try {
    const { counters } = JSON.parse(line);
    const entries = Object.entries(counters ?? {});
    return Object.fromEntries(
      entries.filter((entry): entry is [string, number] => Number.isInteger(entry[1])),
    );
  } catch {
    return {};
  }
}
