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
  makeRoom(prefixes, list.length, Math.max(1, ...list.map(wordsOf)));
  prefixes.differentLengths = [];
  list.forEach((prefix, sender) => {
    enter(prefixes, sender, prefix);
  });
}

/**
 * Takes this for the prefix of a sender, unless it has one; whether it was taken. Each sender's first message comes here
 * while latencies are measured: so there is room for twice as many once there is too little.
 */
export function learnPrefix(prefixes: Prefixes, sender: number, prefix: Uint8Array): boolean {
  const { list, lengths, wordsPerRow } = prefixes;
  if ((lengths[sender] ?? UNKNOWN) !== UNKNOWN) return false;
  if (sender >= list.length || wordsOf(prefix) > wordsPerRow) {
    const known = [...list];
    const had = lengths;
    makeRoom(prefixes, Math.max(sender + 1, list.length * 2), Math.max(wordsPerRow, wordsOf(prefix)));
    known.forEach((one, i) => {
      if (had[i] !== UNKNOWN) enter(prefixes, i, one);
    });
  }
  enter(prefixes, sender, prefix);
  return true;
}

/** No length: of a sender whose prefix is not known, nothing is right. */
const UNKNOWN = -1;
const NONE = new Uint8Array(0);

const wordsOf = ({ length }: Uint8Array): number => (length >> 2) + 1;

/** Rows for so many senders, none of which is known. */
function makeRoom(prefixes: Prefixes, senders: number, wordsPerRow: number): void {
  prefixes.list = Array.from({ length: senders }, () => NONE);
  prefixes.words = new Int32Array(senders * wordsPerRow);
  prefixes.wordsPerRow = wordsPerRow;
  prefixes.lengths = new Int32Array(senders).fill(UNKNOWN);
}

function enter(prefixes: Prefixes, sender: number, prefix: Uint8Array): void {
  const { list, words, wordsPerRow, lengths, differentLengths } = prefixes;
  const view = new DataView(prefix.buffer, prefix.byteOffset, prefix.length);
  const row = sender * wordsPerRow;
  for (let i = 0; i + 4 <= prefix.length; i += 4) words[row + (i >> 2)] = view.getInt32(i, true);
  if (prefix.length >= 4) words[row + (prefix.length >> 2)] = view.getInt32(prefix.length - 4, true);
  list[sender] = prefix;
  lengths[sender] = prefix.length;
  if (!differentLengths.includes(prefix.length)) differentLengths.push(prefix.length);
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
