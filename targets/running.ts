/** A server that runs already: found by its port, left as it is unless it is to be pinned for the time of a run. */
import { type Endpoint, endpointForms, parseEndpoint } from "../clients/endpoint.ts";
import { affinityOf, pinAll } from "../platform/affinity.ts";
import { atExit } from "../platform/at-exit.ts";
import { exitCodes, Failure } from "../platform/failure.ts";
import { printable } from "../platform/printable.ts";
import { listenerPids } from "../platform/proc.ts";
import { readProcess, withDescendants } from "../platform/process-tree.ts";
import { pausing } from "./pause.ts";
import type { ServerSource } from "./server.ts";

/** The processes that listen at the target, where they can be seen from here; workers may be among them or not. */
export const listenersOf = ({ transport, hostname, port }: Endpoint): number[] =>
  ["127.0.0.1", "localhost", "::1"].includes(hostname)
    ? listenerPids(transport === "udp" ? "udp" : "tcp", port)
    : [];

/** The processes of a running server: those that listen, and all that descend from them. */
export const runningPids = (target: Endpoint): number[] =>
  withDescendants(listenersOf(target), [process.pid]);

/** `process 123 (name)` of whoever listens there, for a message; empty where nobody is seen. */
export function whoListens(target: Endpoint): string {
  const [pid] = listenersOf(target);
  const name = pid === undefined ? undefined : readProcess(pid)?.name;
  return name === undefined ? "" : `process ${pid} (${printable(name)})`;
}

/** Pins a running server's processes until the returned function is called, or this program ends. */
export function pinRunning(target: Endpoint, cpus: readonly number[]): () => void {
  const pids = runningPids(target);
  const fail = (why: string) => new Failure(exitCodes.usage, `--pin-target: ${why}`);
  if (pids.length === 0)
    throw fail(`no process that can be seen from here listens at ${target.url}; start it with --exec`);
  if (pids.includes(process.pid)) throw fail(`${target.url} is served by this very process`);
  const restore = pinAll(pids, cpus);
  if (!restore) throw fail(`process ${pids[0]} is not ours to pin; run as its user`);
  const kept = atExit(restore);
  return () => {
    restore();
    kept();
  };
}

/** Whether the server may run on those CPUs alone. */
export const isPinned = (pids: readonly number[], cpus: readonly number[]): boolean =>
  pids.length > 0 && pids.every((pid) => affinityOf(pid).every((cpu) => cpus.includes(cpu)));

/** Reads the address of a server; a usage error, which names what it was `given` by, when it is none. */
export function readEndpoint(given: string, url: string): Endpoint {
  const endpoint = parseEndpoint(url);
  if (endpoint) return endpoint;
  throw new Failure(exitCodes.usage, `${given} ${url} is no address: write ${endpointForms}`);
}

/** A server that runs already, left where it is unless it is to be pinned for the time of each sample. */
export function running(name: string, endpoint: Endpoint, { pin = false } = {}): ServerSource {
  const pids = () => runningPids(endpoint);
  return {
    name,
    kind: "running",
    endpoint,
    async start(_, { cpus } = {}) {
      if (pin && !cpus)
        throw new Failure(
          exitCodes.usage,
          "--pin-target: there are not CPUs enough to keep the fleets apart",
        );
      const restore = pin && cpus ? pinRunning(endpoint, cpus) : undefined;
      const listeners = listenersOf(endpoint);
      const { pause, resume } = pausing(endpoint.url, pids);
      return {
        ...endpoint,
        pids,
        pinned: cpus !== undefined && isPinned(pids(), cpus),
        broken: new Promise(() => {}),
        alive: () => true,
        lastWords: async () => undefined,
        restarts: () => (sameListeners(listeners, listenersOf(endpoint)) ? 0 : 1),
        pause,
        resume,
        async stop() {
          resume();
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
