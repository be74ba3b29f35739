/**
 * The servers whose answers are known (servers/known/), and of what size each is asked for. How far off an answer may be is told
 * in docs/known.md: what was seen in repeated runs, and some more.
 */
import { burner, cutter, hoarder, loser, throttle, throttledCapacity } from "./amounts.ts";
import type { Size } from "./asking.ts";
import type { Question } from "./question.ts";
import { slowedByShare, slowedByShareAtRate, slowedByTime, slowedByTimeAtRate, slowTail } from "./slowed.ts";
import { delayLine, slowLast, stall, sumDelay } from "./waits.ts";

const three: Size = { seconds: 2, samples: 3 };

/** By the names that the command takes. */
export const questions: Readonly<Record<string, () => readonly Question[]>> = {
  delay: () => [delayLine(20, three)],
  stall: () => [stall(three)],
  sum: () => [sumDelay(10, { seconds: 2.2, samples: 3 })],
  throttle: () => [throttle(20_000, three), throttledCapacity(23_000)],
  burner: () => [burner(500, { seconds: 0.8, samples: 6 })],
  loser: () => [loser(50, { seconds: 1, samples: 1 })],
  hoarder: () => [hoarder(64, 1000, three)],
  last: () => [slowLast(30, three)],
  slowed: () => [
    slowedByShare(10),
    slowedByShareAtRate(10),
    slowedByTime(10),
    slowedByTimeAtRate(10),
    slowTail(10),
  ],
  truncate: () => [cutter(777), cutter(5000)],
};
