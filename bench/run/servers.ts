/** The server under test as the bench holds it: one of ours, started for one sample, or one that was given. */
import type { Endpoint, TlsTrust } from "../../clients/endpoint.ts";
import { exitCodes, Failure } from "../../platform/failure.ts";
import { servers } from "../../servers/index.ts";
import { peerCommand, peerLanguages } from "../../servers/peers/index.ts";
import { refuseTaken, untilAnswered, untilListening } from "../../targets/ready.ts";
import { isPinned, listenersOf, pinRunning, runningPids } from "../../targets/running.ts";
import { type Started, startProgram } from "../../targets/started.ts";
import { REFERENCE } from "../record/record.ts";

export type ServerUnderTest = {
  url: string;
  /** Whose certificates are taken there. */
  trust?: TlsTrust;
  /** Its processes now, or those from which the others descend; none where they cannot be seen from here. */
  pids: () => readonly number[];
  /** Whether it runs on the CPUs that it was given. */
  pinned: boolean;
  /** Rejects when the server ends while it should serve. */
  broken: Promise<never>;
  /** How often another process has taken its place at the port since it was found. */
  restarts: () => number;
  /** Stops it, and resolves with what it says that it dropped, refused or evicted. */
  stop: () => Promise<Record<string, number>>;
};

export type StartOptions = {
  /** For a program of this project; a server that the user gave has its own. */
  flags?: readonly string[];
  /** The CPUs on which it is to run; without them it may run on all. */
  cpus?: readonly number[] | undefined;
};

/** A way to get a server for a protocol: by name, as `--server`, `--target` and `--exec` choose it. */
export type ServerSource = {
  name: string;
  start: (protocol: string, options?: StartOptions) => Promise<ServerUnderTest>;
};

const SERVERS = `${import.meta.dir}/../../servers`;

const ours = Object.fromEntries(
  Object.entries(servers).map(([name, { file, flags }]) => [name, [file, ...flags]]),
);

/** A room without batches, to measure what batching is worth. */
const unbatched = { "chat/bracket": ["mutants/chat-unbatched.ts"] };

/** Programs of ours by protocol, for each implementation that runs on Bun. */
const onBun: Record<string, Record<string, string[]>> = { bun: ours, unbatched };

/** The implementations that `--server` knows. */
export const implementationNames = [...Object.keys(onBun), ...peerLanguages];

/** One of the implementations in this project; fresh for each sample. */
export function implementation(name: string): ServerSource {
  return {
    name,
    async start(protocol, options) {
      return startOurs(`${name} server for ${protocol}`, await commandFor(name, protocol), options);
    },
  };
}

/** A program of the bench's own, beside which servers are measured. */
export function reference(path: string): ServerSource {
  return {
    name: REFERENCE,
    start: (protocol, options) =>
      startOurs(`the reference for ${protocol}`, [process.execPath, path], options),
  };
}

/** The servers of a checkout of this project, started by its own `serve` command; fresh for each sample. */
export function serveFrom(name: string, tree: string): ServerSource {
  return {
    name,
    start: (protocol, options) =>
      startOurs(
        `${name} server for ${protocol}`,
        [process.execPath, `${tree}/bench/sockbench.ts`, "serve", protocol],
        options,
      ),
  };
}

async function commandFor(name: string, protocol: string): Promise<string[]> {
  if (name in onBun) {
    const script = onBun[name][protocol];
    if (!script) throw new Failure(exitCodes.unreachable, `there is no ${name} server for ${protocol}`);
    return [process.execPath, `${SERVERS}/${script[0]}`, ...script.slice(1)];
  }
  const peer = await peerCommand(name as (typeof peerLanguages)[number], protocol);
  if ("command" in peer) return peer.command;
  throw new Failure(
    exitCodes.unreachable,
    `the ${name} server for ${protocol} is unsupported: ${peer.unsupported}`,
  );
}

/** A server that runs already, left where it is unless it is to be pinned for the time of each sample. */
export function runningTarget(target: Endpoint, { pin = false } = {}): ServerSource {
  return {
    name: "target",
    async start(_, { cpus } = {}) {
      if (pin && !cpus)
        throw new Failure(
          exitCodes.usage,
          "--pin-target: there are not CPUs enough to keep the fleets apart",
        );
      const restore = pin && cpus ? pinRunning(target, cpus) : undefined;
      const listeners = listenersOf(target);
      return {
        url: target.url,
        ...(target.trust ? { trust: target.trust } : {}),
        pids: () => runningPids(target),
        pinned: cpus !== undefined && isPinned(runningPids(target), cpus),
        broken: new Promise(() => {}),
        restarts: () => (sameListeners(listeners, listenersOf(target)) ? 0 : 1),
        async stop() {
          restore?.();
          return {};
        },
      };
    },
  };
}

/** Workers may come and go; when none of those that listened does any more, it is another server. */
const sameListeners = (before: readonly number[], now: readonly number[]) =>
  before.length === 0 ? now.length === 0 : before.some((pid) => now.includes(pid));

/** A command that starts a server; its address is `target`, or what its JSON line says if it prints one. */
export function commandSource(command: string, target: Endpoint | undefined): ServerSource {
  // As a shell understands it: quotes, variables, `cd there && ./server`.
  const argv = ["/bin/sh", "-c", command];
  return {
    name: "target",
    start: (_, options) =>
      target ? startAndAsk(command, argv, target, options) : startByLine(`"${command}"`, argv, options),
  };
}

/** A program of ours, which takes these flags. */
const startOurs = (name: string, command: readonly string[], options: StartOptions = {}) =>
  startByLine(name, [...command, "--port", "0", "--json", ...(options.flags ?? [])], options);

/** Starts a server that says where it listens, in one JSON line. */
function startByLine(name: string, argv: string[], options?: StartOptions): Promise<ServerUnderTest> {
  return started(name, argv, options, (program) => untilListening(name, program));
}

/** Starts a server that says nothing we know, and asks at its address until it answers. */
async function startAndAsk(command: string, argv: string[], target: Endpoint, options?: StartOptions) {
  await refuseTaken(command, target);
  const server = await started(`"${command}"`, argv, options, async (program) => {
    await untilAnswered(`"${command}"`, target, program);
    return target.url;
  });
  const { trust } = target;
  return { ...server, ...(trust ? { trust } : {}), pids: () => withHelpers(server.pids(), target) };
}

/** Starts a program; once it is `ready`, which tells its address, its end is its own fault. */
async function started(
  name: string,
  argv: string[],
  { cpus }: StartOptions = {},
  ready: (program: Started) => Promise<string>,
): Promise<ServerUnderTest> {
  const program = startProgram(name, argv, cpus);
  try {
    const url = await ready(program);
    program.serves();
    return {
      url,
      pids: program.pids,
      pinned: cpus !== undefined,
      broken: program.broken,
      restarts: () => 0,
      async stop() {
        await program.stop();
        return countersIn(await program.output.last());
      },
    };
  } catch (error) {
    await program.stop();
    throw error;
  }
}

/** A command may have another program serve for it (a container's, say), which is not its descendant. */
function withHelpers(pids: readonly number[], target: Endpoint): number[] {
  const listeners = listenersOf(target);
  return listeners.some((pid) => pids.includes(pid)) ? [...pids] : [...pids, ...listeners];
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
