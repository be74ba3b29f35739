/**
 * The test message: text that any text protocol can carry, of which a receiver can check every byte without
 * being told what to expect.
 *
 * ```
 * offset  bytes  content, all of it lower-case hexadecimal
 * 0       4      tag of the run, even, so that a stray message of another run is seen as such
 * 4       4      sender, 0 to 65,535
 * 8       8      sequence number of that sender, from 0
 * 16      12     intended send time, nanoseconds since the run's epoch (48 bits: 78 hours)
 * 28      4…     body: letters a to p that follow from all of the above
 * ```
 * Since the body follows from the time too, a changed digit anywhere makes the message corrupt.
 *
 * Everything is read and written in 32-bit words, four characters at a time: byte loops in JavaScript were
 * most of the cost of a delivery in a first try. Nothing is allocated.
 */

export const HEADER_BYTES = 28;
export const MIN_MESSAGE_BYTES = 32;

/** The header of the message that `verifyMessage` looked at last: one object, reused, so that none is made. */
export const stamp = { sender: 0, sequence: 0, time: 0 };

/** The tag of a run's messages beside those that are measured: a roll call, the last word of a sender. */
export const markTag = (tag: number): number => (tag + 1) & 0xffff;

/** Whether a test message is one of those. */
export const isMark = (message: Uint8Array): boolean =>
  message.length >= MIN_MESSAGE_BYTES && Number.parseInt(String.fromCharCode(message[3]), 16) % 2 === 1;

/** Four hexadecimal digits for 16 bits, most significant first, as a little-endian word. */
export function hexWord(value: number): number {
  // Spread the four nibbles over the four bytes, the highest into the lowest byte.
  const nibbles = ((value >>> 12) & 0xf) | (value & 0xf00) | ((value & 0xf0) << 12) | ((value & 0xf) << 24);
  // A nibble above 9 has bit 4 set after adding 6: those become letters, 39 further on than digits.
  const letters = ((nibbles + 0x06060606) >>> 4) & 0x01010101;
  return (nibbles + 0x30303030 + Math.imul(letters, 39)) | 0;
}

/** The 16 bits that a word of four hexadecimal digits stands for; garbage in, garbage out. */
function unhexWord(word: number): number {
  // Letters have bit 6 set and their low nibble counts from 1: 9 makes it count from 10.
  const nibbles = (word & 0x0f0f0f0f) + Math.imul((word >>> 6) & 0x01010101, 9);
  return ((nibbles & 0xf) << 12) | (nibbles & 0xf00) | ((nibbles >>> 12) & 0xf0) | ((nibbles >>> 24) & 0xf);
}

/** What a body is made from; each of its words mixes in its own place. */
function seedOf(tag: number, sender: number, sequence: number, timeHigh: number, timeLow: number): number {
  let seed = Math.imul(tag ^ (sender << 16), 0x9e3779b1) ^ sequence;
  seed = Math.imul(seed ^ (seed >>> 15), 0x85ebca6b) ^ timeLow;
  seed = Math.imul(seed ^ (seed >>> 13), 0xc2b2ae35) ^ timeHigh;
  return Math.imul(seed ^ (seed >>> 16), 0x27d4eb2f);
}

/** Four letters a to p. */
function bodyWord(seed: number, index: number): number {
  const mixed = Math.imul(seed + Math.imul(index, 0x9e3779b1), 0x85ebca6b);
  return ((mixed ^ (mixed >>> 15)) & 0x0f0f0f0f) + 0x61616161;
}

/**
 * Writes a message of `size` bytes (at least 32) at `at`.
 * @param tag the run, 16 bits
 * @param time nanoseconds since the run's epoch
 */
export function writeMessage(
  view: DataView,
  at: number,
  size: number,
  tag: number,
  sender: number,
  sequence: number,
  time: number,
): void {
  const timeHigh = Math.floor(time / 0x1_0000_0000) & 0xffff;
  const timeLow = time >>> 0 === time ? time : (time % 0x1_0000_0000) >>> 0;
  view.setInt32(at, hexWord(tag), true);
  view.setInt32(at + 4, hexWord(sender), true);
  view.setInt32(at + 8, hexWord(sequence >>> 16), true);
  view.setInt32(at + 12, hexWord(sequence & 0xffff), true);
  view.setInt32(at + 16, hexWord(timeHigh), true);
  view.setInt32(at + 20, hexWord(timeLow >>> 16), true);
  view.setInt32(at + 24, hexWord(timeLow & 0xffff), true);
  const seed = seedOf(tag, sender, sequence | 0, timeHigh, timeLow | 0);
  const end = at + size;
  let position = at + HEADER_BYTES;
  let index = 0;
  for (; position + 4 <= end; position += 4) view.setInt32(position, bodyWord(seed, index++), true);
  for (let rest = bodyWord(seed, index); position < end; position++, rest >>>= 8)
    view.setUint8(position, rest & 0xff);
}

/**
 * Checks every byte of the message of `size` bytes at `at` and leaves its header in `stamp`.
 * False when any byte is not what the header asks for; `stamp` then holds what the header claims.
 */
export function verifyMessage(view: DataView, at: number, size: number, tag: number): boolean {
  const senderWord = view.getInt32(at + 4, true);
  const high = view.getInt32(at + 8, true);
  const low = view.getInt32(at + 12, true);
  const time0 = view.getInt32(at + 16, true);
  const time1 = view.getInt32(at + 20, true);
  const time2 = view.getInt32(at + 24, true);
  const sender = unhexWord(senderWord);
  const sequence = (unhexWord(high) << 16) | unhexWord(low);
  const timeHigh = unhexWord(time0);
  const timeLow = (unhexWord(time1) << 16) | unhexWord(time2);
  stamp.sender = sender;
  stamp.sequence = sequence >>> 0;
  stamp.time = timeHigh * 0x1_0000_0000 + (timeLow >>> 0);
  // Differences are gathered and looked at once: a branch for each word costs more than the or.
  const seed = seedOf(tag, sender, sequence, timeHigh, timeLow);
  let difference = view.getInt32(at, true) ^ hexWord(tag);
  // A digit that is no canonical digit reads as some value, and that value's own digits differ from it.
  difference |= (senderWord ^ hexWord(sender)) | (high ^ hexWord(sequence >>> 16));
  difference |= (low ^ hexWord(sequence & 0xffff)) | (time0 ^ hexWord(timeHigh));
  difference |= (time1 ^ hexWord(timeLow >>> 16)) | (time2 ^ hexWord(timeLow & 0xffff));
  const end = at + size;
  let position = at + HEADER_BYTES;
  let index = 0;
  for (; position + 4 <= end; position += 4)
    difference |= view.getInt32(position, true) ^ bodyWord(seed, index++);
  for (let rest = bodyWord(seed, index); position < end; position++, rest >>>= 8)
    difference |= view.getUint8(position) ^ (rest & 0xff);
  return difference === 0;
}
