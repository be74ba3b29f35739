/** Stopping a server for a while, all of its processes: what its clients see then, and once it goes on. */
import { atExit } from "../platform/at-exit.ts";
import { exitCodes, Failure } from "../platform/failure.ts";

/** A process may have forked another one between the look and the signal. */
const ROUNDS = 5;

/** Stops and continues the processes that `pids` tells; none stays stopped when this program ends. */
export function pausing(
  name: string,
  pids: () => readonly number[],
): { pause: () => void; resume: () => void } {
  const stopped = new Set<number>();
  let kept = () => {};
  const resume = () => {
    for (const pid of stopped) signal(pid, "SIGCONT");
    stopped.clear();
    kept();
  };
  return {
    pause() {
      const seen = pids();
      if (seen.length === 0 || seen.includes(process.pid))
        throw new Failure(
          exitCodes.unreachable,
          `${name} cannot be paused: its processes are not to be seen`,
        );
      if (stopped.size === 0) kept = atExit(resume);
      for (let round = 0; round < ROUNDS; round++) {
        const left = pids().filter((pid) => !stopped.has(pid));
        if (left.length === 0) return;
        for (const pid of left) {
          signal(pid, "SIGSTOP");
          stopped.add(pid);
        }
      }
    },
    resume,
  };
}

function signal(pid: number, name: "SIGSTOP" | "SIGCONT"): void {
  try {
    process.kill(pid, name);
  } catch {} // it has gone
}
