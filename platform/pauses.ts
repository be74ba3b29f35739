/**
 * Whether the host stalled, and kept us or a server from running: a busy or virtual machine stops a process for
 * hundreds of milliseconds, and a timeout of a second then blames the server. Such a failure is judged again.
 */
import { cpuTicks, cpuWait } from "./proc.ts";

const TICK_MS = 20;
/** One jiffy of /proc/stat (USER_HZ is 100 on every Linux that Bun runs on). */
const JIFFY_MS = 10;
/** A pause that may fail a case: its shortest waits are of this size. */
export const PAUSE_MS = 100;

/** Milliseconds for which we, the server, or the whole host could not run since the watch began. */
export function watchPauses(serverPid: number | undefined): { end: () => number } {
  const waitOf = () => (serverPid === undefined ? 0 : (cpuWait(serverPid) ?? 0)) / 1e6;
  const stolen = () => (cpuTicks()?.steal ?? 0) * JIFFY_MS;
  const before = { wait: waitOf(), stolen: stolen() };
  let last = performance.now();
  let longest = 0;
  const look = () => {
    const now = performance.now();
    longest = Math.max(longest, now - last - TICK_MS);
    last = now;
  };
  const timer = setInterval(look, TICK_MS);
  return {
    end() {
      look();
      clearInterval(timer);
      return Math.max(longest, waitOf() - before.wait, stolen() - before.stolen);
    },
  };
}
