/** Whether the other side is still there: both say so every second, and what says nothing for a time is given up. */
import { now } from "../../platform/clock.ts";
import { ALIVE_MS } from "./words.ts";

const LOOK_MS = 250;
/** A look so late says that this process stood still: what was said meanwhile is still to be heard. */
const LATE_MS = 750;

export type Silence = { heard: () => void; end: () => void };

export function everySecond(
  silenceMs: number,
  { tick, silent }: { tick: () => void; silent: () => void },
): Silence {
  let [heardAt, lookedAt, ticked] = [now(), now(), now()];
  const timer = setInterval(() => {
    const at = now();
    const late = at - lookedAt > LATE_MS * 1e6;
    lookedAt = at;
    if (at - ticked >= ALIVE_MS * 1e6) {
      ticked = at;
      tick();
    }
    if (!late && at - heardAt > silenceMs * 1e6) silent();
  }, LOOK_MS);
  return {
    heard() {
      heardAt = now();
    },
    end: () => clearInterval(timer),
  };
}
