/**
 * What waits to go on, in the order of its times. A timer of Bun's is 1 ms at best and cuts fractions, so that the last
 * millisecond is waited out in the event loop: a latency of 0.3 ms is one of 0.3 ms, and costs a core for as long.
 */

type Waiting = { due: number; go: () => void };

export type Lane = {
  /** How many wait. */
  readonly length: number;
  /** Calls `go` at `due` (performance.now), behind whatever has the same time. */
  push: (due: number, go: () => void) => void;
  /** What waits is dropped. */
  close: () => void;
};

const TIMER_MS = 2;

export function createLane(): Lane {
  const waiting: Waiting[] = [];
  let timer: Timer | undefined;
  let spinning = false;
  let closed = false;

  const wake = () => {
    timer = undefined;
    spinning = false;
    if (closed) return;
    const now = performance.now();
    let ready = 0;
    while (ready < waiting.length && waiting[ready].due <= now) ready++;
    for (const { go } of waiting.splice(0, ready)) go();
    arm();
  };
  const arm = () => {
    if (closed || spinning || waiting.length === 0) return;
    clearTimeout(timer);
    const left = waiting[0].due - performance.now();
    if (left >= TIMER_MS) timer = setTimeout(wake, Math.floor(left - 1));
    else {
      spinning = true;
      setImmediate(wake);
    }
  };
  return {
    get length() {
      return waiting.length;
    },
    push(due, go) {
      let at = waiting.length;
      while (at > 0 && waiting[at - 1].due > due) at--;
      waiting.splice(at, 0, { due, go });
      if (at === 0) arm();
    },
    close() {
      closed = true;
      waiting.length = 0;
      clearTimeout(timer);
    },
  };
}
