import { expect, test } from "bun:test";
import { createOutbox, flush, pending, send } from "./outbox.ts";

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
