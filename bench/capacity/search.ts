/**
 * The search for the highest value at which something holds, knowing only the answers to "does this value hold?", some
 * of which are wrong: a miss may have been the machine's. So no answer excludes anything; each shifts a belief of
 * where the limit lies (probabilistic bisection: Horstein 1963; with misses that have nothing to do with it, as QUEST
 * has them: Watson & Pelli 1983), and the next question is asked where it says most. What is told at the end must have
 * held several times, and failed again above, whatever is believed.
 */

/** One question: `search` looks for the limit, `confirm` asks at the value that is to be told. */
export type Purpose = "search" | "confirm";
/** "unjudged": the machine, and nothing else, was in the way, again and again. */
export type Verdict = "held" | "failed" | "unjudged";
export type Ask = (value: number, purpose: Purpose) => Promise<Verdict>;

export type Range = {
  start: number;
  most: number;
  /** Whether there is time for one more question. */
  more?: () => boolean;
};

/** Held in `held` of the `of` questions about it. */
export type Answer = { value: number; held: number; of: number };

/** Between which values the limit is believed to lie. */
type Between = { from: number; to: number };

export type Outcome =
  | { answer: Answer }
  /** It holds at no value. */
  | { answer: null }
  /** At this value it cannot be told. */
  | { unjudged: number }
  /** The questions ran out. */
  | { undecided: Between };

/** The lowest value that is asked about. */
const LEAST = 2;
/** From each value that can be asked about to the next: the resolution of the answer. */
const RATIO = 1.04;
const MOST_QUESTIONS = 45;
/** A machine that was in the way may be so no more. */
const MOST_UNJUDGED = 2;
/** How often the answer has held, and a value at most so many steps above it has failed. */
const HELD = 3;
const FAILED = 2;
const NEAR = 3;
/** A value that failed so often, and held no more often than that, is not the answer. */
const REJECTED = 4;
/** Where to look whether it holds farther above: half as much again. */
const ABOVE = 10;

/** While the belief is wider than so many steps, it is narrowed before anything is confirmed. */
const WIDE = 3;
/** Where the questions run out within so much of each other, what held is the answer all the same. */
const CLOSE = 1.2;

/** How often a value below the limit fails all the same, and one above it holds. */
const LAPSE = 0.3;
const LUCK = 0.02;
/** Steps over which a limit is soft. */
const SOFTNESS = 0.75;

type Tally = { held: number; failed: number };

type State = {
  /** In rising order. */
  values: readonly number[];
  /** The place of the first that is asked about. */
  start: number;
  /** By place in `values`: what was heard of it. */
  tallies: Tally[];
  /** Logarithms of how probable it is that so many of `values`, from the lowest, hold: one entry more than values. */
  belief: Float64Array;
};

/** The highest value that holds, to within 4 %, in a bounded number of questions. */
export async function searchHighest(ask: Ask, { start, most, more = () => true }: Range): Promise<Outcome> {
  const first = Math.max(LEAST, Math.min(start, most));
  const values = valuesAround(first, most);
  const state: State = {
    values,
    start: values.indexOf(first),
    tallies: values.map(() => ({ held: 0, failed: 0 })),
    belief: new Float64Array(values.length + 1),
  };
  let next: Question | Outcome = { at: state.start, purpose: "search" };
  let unjudged = 0;
  for (let asked = 0; "at" in next; asked++) {
    if (asked === MOST_QUESTIONS || !more()) return whatHeld(state);
    const { at, purpose }: Question = next;
    const verdict = await ask(values[at], purpose);
    if (verdict === "unjudged") {
      if (++unjudged < MOST_UNJUDGED) continue;
      const told = whatHeld(state);
      return "answer" in told ? told : { unjudged: values[at] };
    }
    state.tallies[at][verdict]++;
    learn(state.belief, at, verdict === "held");
    next = nextQuestion(state);
  }
  return next;
}

/** Whole numbers from the least to the most, each some per cent above the one before, with `start` among them. */
function valuesAround(start: number, most: number): number[] {
  const values = new Set([LEAST, start, most]);
  for (let value = start; value > LEAST; value /= RATIO) values.add(Math.round(value));
  for (let value = start; value < most; value *= RATIO) values.add(Math.round(value));
  return [...values].sort((a, b) => a - b);
}

/** Weighs each place of the limit by how probable it makes the answer. */
function learn(belief: Float64Array, at: number, held: boolean): void {
  for (let limit = 0; limit < belief.length; limit++) {
    const inside = 1 / (1 + Math.exp((at + 0.5 - limit) / SOFTNESS));
    const holds = LUCK + (1 - LAPSE - LUCK) * inside;
    belief[limit] += Math.log(held ? holds : 1 - holds);
  }
}

/** How many of the values hold, at least: with a probability of 1 - `share`. */
function quantile(belief: Float64Array, share: number): number {
  const most = belief.reduce((a, b) => Math.max(a, b));
  const weights = belief.map((log) => Math.exp(log - most));
  let left = share * weights.reduce((a, b) => a + b, 0);
  for (let limit = 0; limit < weights.length; limit++) {
    left -= weights[limit];
    if (left <= 0) return limit;
  }
  return weights.length - 1;
}

/** When the questions run out: around a soft limit one value holds as often as not, and the one below it will do. */
function whatHeld({ belief, values, tallies }: State): Outcome {
  const [low, middle, high] = [0.05, 0.5, 0.95].map((share) =>
    Math.max(0, Math.min(values.length, quantile(belief, share)) - 1),
  );
  const at = tallies.slice(0, middle + 1).findLastIndex(({ held, failed }) => held >= HELD && held > failed);
  if (at < low || values[high] > values[low] * CLOSE)
    return { undecided: { from: values[low], to: values[high] } };
  const { held, failed } = tallies[at];
  return { answer: { value: values[at], held, of: held + failed } };
}

type Question = { at: number; purpose: Purpose };

function nextQuestion(state: State): Question | Outcome {
  const { values, start, tallies, belief } = state;
  const [low, middle, high] = [0.1, 0.5, 0.9].map((share) => quantile(belief, share));
  const best = tallies.findLastIndex(({ held }) => held > 0);
  // No more than the start, or twice what has held: a server is not buried under what it can never do.
  const reach = best < 0 ? start : values.findLastIndex((value) => value <= values[best] * 2);
  if (high - low > WIDE) return { at: Math.min(middle, reach, values.length - 1), purpose: "search" };
  return settle(state, middle - 1, reach);
}

/** What is lacking until a value can be told, the last that is `believed` to hold or one below it. */
function settle({ values, tallies }: State, believed: number, reach: number): Question | Outcome {
  // Around a soft limit a value holds as often as not; then the one below it.
  const at = tallies.findLastIndex(
    ({ held, failed }, i) => i <= believed && (failed < REJECTED || held > failed),
  );
  if (at < 0) return failedOften(tallies.slice(0, 1)) ? { answer: null } : { at: 0, purpose: "search" };
  const { held, failed } = tallies[at];
  if (held < HELD || held <= failed) return { at, purpose: "confirm" };
  const answer = { answer: { value: values[at], held, of: held + failed } };
  const [near, far] = [at + 1, at + 1 + NEAR];
  if (near === values.length) return answer;
  if (!failedOften(tallies.slice(near, far))) return { at: near, purpose: "search" };
  // That it failed here says little if it holds farther above.
  if (far >= values.length || failedOften(tallies.slice(far))) return answer;
  return { at: Math.max(far, Math.min(at + ABOVE, values.length - 1, reach)), purpose: "search" };
}

/** Whether it failed at values near each other, and more often than it held. */
function failedOften(tallies: readonly Tally[]): boolean {
  const sum = (key: keyof Tally) => tallies.reduce((all, tally) => all + tally[key], 0);
  return sum("failed") >= FAILED && sum("failed") > sum("held");
}
