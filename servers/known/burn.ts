/** Burns CPU time at the end of a turn of the event loop in which something was read, behind the server's own work. */
import { cpuTime } from "../../platform/clock.ts";

/**
 * Returns what is to be called after each read.
 * @param owed nanoseconds to burn, of those that the process has used since the last burn, kernel and all threads included
 */
export function createBurner(owed: (used: number) => number): () => void {
  const used = () => cpuTime(process.pid) ?? 0;
  let since = used();
  let scheduled = false;
  const burn = () => {
    scheduled = false;
    const begin = used();
    const until = begin + owed(begin - since);
    while (used() < until);
    since = used();
  };
  return () => {
    if (scheduled) return;
    scheduled = true;
    // Behind the room's own write of what the turn has gathered, which was asked for earlier.
    setImmediate(burn);
  };
}
