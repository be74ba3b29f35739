/** A server that runs already: found by its port, left as it is unless it is to be pinned for the time of a run. */
import type { Endpoint } from "../clients/endpoint.ts";
import { affinityOf, pinAll } from "../platform/affinity.ts";
import { atExit } from "../platform/at-exit.ts";
import { exitCodes, Failure } from "../platform/failure.ts";
import { printable } from "../platform/printable.ts";
import { listenerPids } from "../platform/proc.ts";
import { readProcess, withDescendants } from "../platform/process-tree.ts";

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
