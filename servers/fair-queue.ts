/**
 * What waits to be dealt with, by source: each source in its turn, however much another one brings. When there is no
 * place left, the source that has most waiting loses its last item to one that has less (longest queue drop, as in
 * RFC 8290 4.1.2). Every step costs the same however much waits.
 */

export type FairQueue<S, T> = ReturnType<typeof createFairQueue<S, T>>;

/**
 * @param each most items that wait of one source
 * @param all most items that wait in all
 */
export function createFairQueue<S, T>(each: number, all: number) {
  /** In the order of their turns. */
  const sources = new Map<S, T[]>();
  /** The sources that have so many items waiting. */
  const byLength = Array.from({ length: each + 1 }, () => new Set<S>());
  let longest = 0;
  let waiting = 0;
  let dropped = 0;

  /** Takes down that a source has one item more, or fewer, and has `length` now. */
  function count(source: S, change: 1 | -1, length: number): void {
    waiting += change;
    byLength[length - change].delete(source);
    byLength[length].add(source);
    if (length > longest) longest = length;
    else if (byLength[longest].size === 0) longest--;
    if (length === 0) forget(source);
  }

  function forget(source: S): void {
    sources.delete(source);
    byLength[0].delete(source);
  }

  function dropFromLongest(): void {
    const [source] = byLength[longest];
    const items = sources.get(source);
    if (!items) return;
    items.pop();
    dropped++;
    count(source, -1, items.length);
  }

  return {
    /** How many items wait. */
    size: () => waiting,
    /** How many were brought and will not be taken. */
    dropped: () => dropped,
    /** Adds what `make` makes, or drops it unmade where it is too much. */
    add(source: S, make: () => T): void {
      const items = sources.get(source) ?? [];
      if (items.length >= each || (waiting >= all && items.length + 1 >= longest)) {
        dropped++;
        return;
      }
      if (waiting >= all) dropFromLongest();
      if (items.push(make()) === 1) sources.set(source, items);
      count(source, 1, items.length);
    },
    /** The first item of the source whose turn it is; the turn passes to the next one. */
    take(): { source: S; item: T } | undefined {
      for (const [source, items] of sources) {
        const item = items.shift() as T;
        sources.delete(source);
        if (items.length > 0) sources.set(source, items);
        count(source, -1, items.length);
        return { source, item };
      }
      return undefined;
    },
  };
}
