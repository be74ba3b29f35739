/**
 * The search for the highest value at which something holds, knowing only the answers to "does this value hold?".
 * Doubles until it does not hold, halves the distance until that is small, then confirms what was found by repeated
 * questions, stepping down where it does not hold again.
 */

/** One question: `search` looks for the value, `confirm` asks again at the one that was found. */
export type Purpose = "search" | "confirm";
export type Holds = (value: number, purpose: Purpose) => Promise<boolean>;

/** Held in `held` of the `of` questions that confirmed it. */
export type Answer = { value: number; held: number; of: number };

export type Range = { start: number; most: number };

/** The lowest value that is asked about. */
const LEAST = 2;
const CONFIRMATIONS = 3;
/** The climb ends when its bounds are this near to each other. */
const RESOLUTION = 1.08;
const STEP_DOWN = 0.9;

/** The highest value that holds in most of several questions; undefined where none does. */
export async function searchHighest(holds: Holds, range: Range): Promise<Answer | undefined> {
  const highest = await climb(holds, range);
  return highest === undefined ? undefined : confirm(holds, highest);
}

/** The highest value that held once. */
async function climb(holds: Holds, { start, most }: Range): Promise<number | undefined> {
  let good: number | undefined;
  let bad: number | undefined;
  let value: number | undefined = Math.max(LEAST, Math.min(start, most));
  while (value !== undefined) {
    if (await holds(value, "search")) good = value;
    else bad = value;
    value = nextValue(good, bad, most);
  }
  return good;
}

/** What to ask about next, between what held and what did not; undefined when the answer is near enough. */
function nextValue(good: number | undefined, bad: number | undefined, most: number): number | undefined {
  if (good === undefined) return bad! <= LEAST ? undefined : Math.max(LEAST, Math.round(bad! / 4));
  if (bad === undefined) return good >= most ? undefined : Math.min(most, good * 2);
  if (bad / good <= RESOLUTION) return undefined;
  const middle = Math.round(Math.sqrt(good * bad));
  return middle === good || middle === bad ? undefined : middle;
}

/** The highest value, from the found one down, that holds in most of several questions. */
async function confirm(holds: Holds, found: number): Promise<Answer | undefined> {
  for (let value = found; value >= LEAST; value = Math.floor(value * STEP_DOWN)) {
    let held = 0;
    for (let asked = 1; asked <= CONFIRMATIONS; asked++) {
      if (await holds(value, "confirm")) held++;
      if (held + CONFIRMATIONS - asked < CONFIRMATIONS - 1) break;
    }
    if (held >= CONFIRMATIONS - 1) return { value, held, of: CONFIRMATIONS };
  }
  return undefined;
}
