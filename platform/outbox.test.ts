import { expect, test } from "bun:test";
import {
  createOutbox,
  createStore,
  discard,
  flush,
  hold,
  keep,
  type Outbox,
  pending,
  relieve,
  type Store,
  send,
} from "./outbox.ts";

/** A socket that takes as many bytes at each write as it is told, and -1 when it is closed. */
function sink() {
  const taken: number[] = [];
  const state = { room: 0, text: () => Buffer.from(taken).toString(), write };
  function write(data: Uint8Array, offset: number, length: number): number {
    if (state.room < 0) return -1;
    const count = Math.min(state.room, length);
    taken.push(...data.subarray(offset, offset + count));
    return count;
  }
  return state;
}

test("what the kernel does not take waits and is sent in order", () => {
  const [outbox, socket] = [createOutbox(100), sink()];
  socket.room = 3;
  const bytes = Buffer.from("abcdef");
  expect(send(outbox, socket, bytes)).toBe(true);
  bytes.fill("x"); // the caller may reuse its bytes at once
  expect(send(outbox, socket, Buffer.from("..gh.."), 2, 4)).toBe(true);
  expect([socket.text(), pending(outbox), outbox.taken]).toEqual(["abc", 5, 3]);
  for (socket.room = 2; pending(outbox) > 0; ) flush(outbox, socket);
  flush(outbox, socket);
  expect([socket.text(), outbox.taken]).toEqual(["abcdefgh", 8]);
});

test("the limit counts what waits, and past it the writer is told", () => {
  const [outbox, socket] = [createOutbox(10), sink()];
  expect(send(outbox, socket, Buffer.alloc(10))).toBe(true);
  expect(send(outbox, socket, Buffer.alloc(1))).toBe(false);
  expect(pending(outbox)).toBe(10);
});

test("a closed socket is told to the writer, and what waits stays", () => {
  const [outbox, socket] = [createOutbox(10), sink()];
  send(outbox, socket, Buffer.from("ab"));
  socket.room = -1;
  flush(outbox, socket);
  expect(pending(outbox)).toBe(2);
  expect(send(createOutbox(10), socket, Buffer.from("ab"))).toBe(false);
});

test("bytes stay in order however small the kernel's bites are", () => {
  const [outbox, socket] = [createOutbox(100_000), sink()];
  let expected = "";
  for (let i = 0; i < 2000; i++) {
    socket.room = i % 7;
    const text = `${i},`;
    expected += text;
    expect(send(outbox, socket, Buffer.from(text))).toBe(true);
    flush(outbox, socket);
  }
  socket.room = 1e6;
  flush(outbox, socket);
  expect(socket.text()).toBe(expected);
});

/** Outboxes of one store whose sockets take nothing, and what they were told of their end. */
function shared(limit: number, count: number) {
  const store = createStore(limit);
  const cut: number[] = [];
  const outboxes = Array.from({ length: count }, (_, i) => createOutbox(1e9, store, () => cut.push(i)));
  return { store, cut, outboxes };
}

/** Keeps bytes once, and lets them wait in each of these. */
function holdIn(store: Store, bytes: Uint8Array, outboxes: Outbox[]): void {
  const segment = keep(store, bytes, 0, bytes.length);
  for (const outbox of outboxes) hold(outbox, segment, segment.used - bytes.length, segment.used);
}

test("what many wait for is kept once, until the last one has it", () => {
  const { store, outboxes } = shared(1e9, 1000);
  for (let i = 0; i < 100; i++) holdIn(store, Buffer.alloc(1000, i), outboxes);
  expect(outboxes.every((outbox) => pending(outbox) === 100_000)).toBe(true);
  expect(store.held).toBeLessThan(300_000);
  const [first, ...others] = outboxes;
  for (const outbox of others) discard(outbox);
  expect(store.held).toBeGreaterThanOrEqual(100_000);
  const socket = sink();
  socket.room = 1e9;
  flush(first, socket);
  expect(socket.text()).toBe(
    Buffer.concat(Array.from({ length: 100 }, (_, i) => Buffer.alloc(1000, i))).toString(),
  );
  expect([store.held, store.waiting.size]).toEqual([0, 0]);
});

test("little content keeps little memory alive", () => {
  const { store, outboxes } = shared(1e9, 1);
  holdIn(store, Buffer.alloc(100), outboxes);
  expect(store.held).toBeLessThanOrEqual(4096);
});

test("past the store's limit those who are furthest behind are cut, and nobody else", () => {
  const { store, cut, outboxes } = shared(1_000_000, 3);
  const [oldest, older, newest] = outboxes;
  holdIn(store, Buffer.alloc(400_000), [oldest]);
  holdIn(store, Buffer.alloc(400_000), [oldest, older]);
  relieve(store);
  expect(cut).toEqual([]);
  holdIn(store, Buffer.alloc(400_000), [newest]);
  relieve(store);
  expect(cut).toEqual([0]);
  expect(outboxes.map(pending)).toEqual([0, 400_000, 400_000]);
  expect(store.held).toBe(800_000);
});
