/**
 * A bounded queue of bytes that the kernel has not taken yet, one for each TCP connection.
 *
 * `socket.write` in Bun 1.4.5 is one `send` and queues nothing: it returns how many bytes were taken, which
 * may be fewer than given, and -1 once the socket is closed. What was not taken is kept here and sent on
 * `drain`; the counter `taken` moves only with the kernel, so that nothing queued is ever counted as sent.
 *
 * A queue holds spans of a store's segments. Queues that share a store can hold the same bytes: a broadcast
 * is stored once, and each queue holds its part of it. So a store bounds what is kept for all of them together,
 * whatever the limit of each.
 */

/** The part of Bun's socket that an outbox needs. */
export type ByteSink = { write(data: Uint8Array, offset: number, length: number): number };

/** Bytes that are appended once and never changed; `age` counts up from segment to segment. */
export type Segment = { readonly bytes: Uint8Array; used: number; holders: number; readonly age: number };

export type Store = {
  /** Most bytes that should be held; `relieve` enforces it. */
  readonly limit: number;
  /** Bytes of all segments that some queue holds. */
  held: number;
  /** Where there may be room for more. */
  last: Segment | undefined;
  ages: number;
  readonly waiting: Set<Outbox>;
};

/** `segment.bytes[from, to)`, and the next span of the queue. */
type Span = { readonly segment: Segment; from: number; to: number; next: Span | undefined };

export type Outbox = {
  /** Most bytes that may be queued; a writer that would exceed it is told so, and nothing is dropped silently. */
  readonly limit: number;
  store: Store | undefined;
  /** Closes the connection without its rest: the store holds too much, and this one is furthest behind. */
  readonly cut: (() => void) | undefined;
  /** Bytes that the kernel has taken since the outbox was made. */
  taken: number;
  waiting: number;
  first: Span | undefined;
  last: Span | undefined;
};

/** Segments grow with what is held: little content keeps little memory alive, and much takes few segments. */
const MIN_SEGMENT_BYTES = 4096;
const MAX_SEGMENT_BYTES = 262_144;

export function createStore(limit = Number.POSITIVE_INFINITY): Store {
  return { limit, held: 0, last: undefined, ages: 0, waiting: new Set() };
}

/** @param store where its bytes are kept: one of its own, unless it shares one with other queues */
export function createOutbox(limit: number, store?: Store, cut?: () => void): Outbox {
  return { limit, store, cut, taken: 0, waiting: 0, first: undefined, last: undefined };
}

/** Bytes that are queued. */
export const pending = (outbox: Outbox): number => outbox.waiting;

/**
 * Writes `bytes[from, to)` behind what already waits. The bytes may be reused by the caller at once.
 * False when the limit would be passed (nothing of the rest is kept) or the socket is closed.
 */
export function send(
  outbox: Outbox,
  socket: ByteSink,
  bytes: Uint8Array,
  from = 0,
  to = bytes.length,
): boolean {
  let at = from;
  if (outbox.waiting === 0) {
    const taken = socket.write(bytes, from, to - from);
    if (taken < 0) return false;
    outbox.taken += taken;
    at += taken;
    if (at === to) return true;
  }
  if (outbox.waiting + to - at > outbox.limit) return false;
  if (at === to) return true;
  outbox.store ??= createStore();
  const segment = keep(outbox.store, bytes, at, to);
  hold(outbox, segment, segment.used - (to - at), segment.used);
  return true;
}

/** Sends what waits, as far as the kernel takes it: for the socket's `drain`, which may come without cause. */
export function flush(outbox: Outbox, socket: ByteSink): void {
  for (let span = outbox.first; span; span = outbox.first) {
    const taken = socket.write(span.segment.bytes, span.from, span.to - span.from);
    if (taken <= 0) return;
    outbox.taken += taken;
    outbox.waiting -= taken;
    span.from += taken;
    if (span.from < span.to) return;
    outbox.first = span.next;
    letGo(outbox, span);
  }
}

/** Discards the queue of a closed connection. Without it a shared store would hold that forever. */
export function discard(outbox: Outbox): void {
  outbox.waiting = 0;
  for (let span = outbox.first; span; span = outbox.first) {
    outbox.first = span.next;
    letGo(outbox, span);
  }
}

/** Copies `bytes[from, to)` to the end of the returned segment. It is kept for as long as a queue holds it. */
export function keep(store: Store, bytes: Uint8Array, from: number, to: number): Segment {
  const size = to - from;
  let segment = store.last;
  if (!segment || segment.used + size > segment.bytes.length) {
    const length = Math.max(size, Math.min(Math.max(MIN_SEGMENT_BYTES, store.held), MAX_SEGMENT_BYTES));
    segment = { bytes: new Uint8Array(length), used: 0, holders: 0, age: store.ages++ };
    store.last = segment;
  }
  segment.bytes.set(from === 0 && to === bytes.length ? bytes : bytes.subarray(from, to), segment.used);
  segment.used += size;
  return segment;
}

/** Queues `segment.bytes[from, to)` of the outbox's store; the caller enforces the limit. */
export function hold(outbox: Outbox, segment: Segment, from: number, to: number): void {
  const { last, store } = outbox;
  if (!store) return;
  store.waiting.add(outbox);
  outbox.waiting += to - from;
  if (last?.segment === segment && last.to === from) {
    last.to = to;
    return;
  }
  if (segment.holders++ === 0) store.held += segment.bytes.length;
  const span: Span = { segment, from, to, next: undefined };
  if (last) last.next = span;
  else outbox.first = span;
  outbox.last = span;
}

function letGo(outbox: Outbox, { segment }: Span): void {
  const { store } = outbox;
  if (!store) return;
  if (!outbox.first) {
    outbox.last = undefined;
    store.waiting.delete(outbox);
  }
  if (--segment.holders > 0) return;
  store.held -= segment.bytes.length;
  if (store.last === segment) store.last = undefined;
}

/** Closes the connections that are furthest behind until no more than the limit is held. */
export function relieve(store: Store): void {
  while (store.held > store.limit) {
    const oldest = Math.min(...Array.from(store.waiting, ageOf));
    for (const outbox of [...store.waiting].filter((one) => ageOf(one) === oldest)) {
      outbox.cut?.();
      discard(outbox);
    }
  }
}

const ageOf = ({ first }: Outbox): number => first?.segment.age ?? Number.POSITIVE_INFINITY;
