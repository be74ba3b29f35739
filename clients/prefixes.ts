/**
 * What must stand before each sender's messages, compared as words: a hot path of the reader. Until prefixes are told or
 * learnt every one is taken for wrong.
 */

export type Prefixes = {
  list: Uint8Array[];
  /** One row of words a sender; the last word of a row overlaps, so that no byte is left for a byte loop. */
  words: Int32Array;
  wordsPerRow: number;
  /** By sender. */
  lengths: Int32Array;
  /** Each length that there is, once. */
  differentLengths: number[];
};

export const createPrefixes = (): Prefixes => ({
  list: [],
  words: new Int32Array(0),
  wordsPerRow: 1,
  lengths: new Int32Array(0),
  differentLengths: [],
});

/** Tells what must stand before each sender's messages, by sender. */
export function setPrefixes(prefixes: Prefixes, list: Uint8Array[]): void {
  const wordsPerRow = Math.max(1, ...list.map((prefix) => (prefix.length >> 2) + 1));
  const words = new Int32Array(list.length * wordsPerRow);
  list.forEach((prefix, sender) => {
    const view = new DataView(prefix.buffer, prefix.byteOffset, prefix.length);
    const row = sender * wordsPerRow;
    for (let i = 0; i + 4 <= prefix.length; i += 4) words[row + (i >> 2)] = view.getInt32(i, true);
    if (prefix.length >= 4) words[row + (prefix.length >> 2)] = view.getInt32(prefix.length - 4, true);
  });
  prefixes.list = list;
  prefixes.words = words;
  prefixes.wordsPerRow = wordsPerRow;
  prefixes.lengths = Int32Array.from(list, (prefix) => prefix.length);
  prefixes.differentLengths = [...new Set(prefixes.lengths)];
}

/** Takes this for the prefix of a sender, unless it has one; whether it was taken. */
export function learnPrefix(prefixes: Prefixes, sender: number, prefix: Uint8Array): boolean {
  const { list } = prefixes;
  if (list[sender]?.length > 0) return false;
  const known = Array.from(
    { length: Math.max(list.length, sender + 1) },
    (_, i) => list[i] ?? new Uint8Array(0),
  );
  known[sender] = prefix;
  setPrefixes(prefixes, known);
  return true;
}

/** Whether the `length` bytes at `at` are the prefix of this sender. */
export function isPrefix(
  prefixes: Prefixes,
  view: DataView,
  at: number,
  length: number,
  sender: number,
): boolean {
  if (prefixes.lengths[sender] !== length) return false;
  if (length < 4) {
    const prefix = prefixes.list[sender];
    for (let i = 0; i < length; i++) if (view.getUint8(at + i) !== prefix[i]) return false;
    return true;
  }
  const { words } = prefixes;
  const row = sender * prefixes.wordsPerRow;
  let difference = view.getInt32(at + length - 4, true) ^ words[row + (length >> 2)];
  for (let i = 0, word = row; i + 4 <= length; i += 4)
    difference |= view.getInt32(at + i, true) ^ words[word++];
  return difference === 0;
}
