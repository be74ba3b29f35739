/**
 * What a way does to what goes over it, and when each piece of it may go on: numbers alone, no sockets. The words are
 * those of tc-netem(8) where it has them.
 */

/** Times in milliseconds, shares from 0 to 1. */
export type Impairments = {
  latency: number;
  /** Each piece takes up to this much more or less, evenly distributed; never less than nothing. */
  jitter: number;
  bytesPerSecond?: number | undefined;
  /** Streams: pieces of at most so many bytes, each by itself and a millisecond after the one before. */
  slice?: number | undefined;
  /** Streams: both sides are reset once so many bytes have passed. */
  resetAfter?: number | undefined;
  /** Nothing passes for the first `time` of every `every`. */
  stall?: { time: number; every: number } | undefined;
  /** Datagrams: shares that are lost, doubled, held back behind later ones. */
  loss: number;
  duplicate: number;
  reorder: number;
};

export const none: Impairments = { latency: 0, jitter: 0, loss: 0, duplicate: 0, reorder: 0 };

/** How long a datagram that is to be overtaken is held back, beyond its latency. */
const HELD_BACK_MS = 10;
/** A piece takes at most this long at the given rate, so that a slow way gives bytes steadily and not in lumps. */
const LONGEST_PIECE_MS = 10;
const SLICE_GAP_MS = 1;

/** Tells when a piece that comes now may go on; times in milliseconds of any one clock. */
export type Schedule = (now: number, bytes: number) => number;

/** @param begun when the way was opened: stalls count from there */
export function createSchedule(way: Impairments, random: () => number, begun: number, ordered: boolean) {
  /** When the last byte of what was taken so far has gone on, by the rate. */
  let free = 0;
  let last = 0;
  return (now: number, bytes: number): number => {
    const spread = way.jitter === 0 ? 0 : (random() * 2 - 1) * way.jitter;
    let due = now + Math.max(0, way.latency + spread);
    if (way.bytesPerSecond !== undefined) {
      free = Math.max(free, due) + (bytes * 1000) / way.bytesPerSecond;
      due = free;
    }
    if (way.slice !== undefined && bytes > 0) due = Math.max(due, last + SLICE_GAP_MS);
    if (ordered) due = Math.max(due, last);
    due = afterStall(way.stall, begun, due);
    last = Math.max(last, due);
    return due;
  };
}

function afterStall(stall: Impairments["stall"], begun: number, due: number): number {
  if (!stall) return due;
  const into = (due - begun) % stall.every;
  return into < stall.time ? due - into + stall.time : due;
}

/** The longest piece in which a stream passes. */
export function pieceBytes({ slice, bytesPerSecond }: Impairments): number {
  const byRate =
    bytesPerSecond === undefined
      ? Number.POSITIVE_INFINITY
      : Math.max(1, Math.floor((bytesPerSecond * LONGEST_PIECE_MS) / 1000));
  return Math.min(slice ?? Number.POSITIVE_INFINITY, byRate);
}

/** What becomes of a datagram: after how many milliseconds more each copy of it goes on; none when it is lost. */
export function copiesOf({ loss, duplicate, reorder }: Impairments, random: () => number): number[] {
  if (loss > 0 && random() < loss) return [];
  const held = reorder > 0 && random() < reorder ? HELD_BACK_MS : 0;
  return duplicate > 0 && random() < duplicate ? [held, held] : [held];
}
