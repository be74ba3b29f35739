import { expect, test } from "bun:test";
import fc from "fast-check";
import { append, createByteQueue, queuedBytes, takeQueued, viewQueued } from "./byte-queue.ts";

test("what is taken is what was put in, in order, and stays as it was", () => {
  const step = fc.record({ put: fc.uint8Array({ maxLength: 40 }), take: fc.nat(60) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const queue = createByteQueue();
      const taken: Buffer[] = [];
      for (const { put, take } of steps) {
        append(queue, put.slice());
        taken.push(takeQueued(queue, take));
      }
      const rest = queuedBytes(queue);
      expect(viewQueued(queue).length).toBe(rest);
      taken.push(takeQueued(queue, rest));
      expect(Buffer.concat(taken).equals(Buffer.concat(steps.map(({ put }) => put)))).toBe(true);
    }),
  );
});

test("a view does not change when more comes", () => {
  const queue = createByteQueue();
  append(queue, Buffer.from("ab"));
  append(queue, Buffer.from("cd"));
  const view = viewQueued(queue);
  takeQueued(queue, 3);
  for (let i = 0; i < 3000; i++) append(queue, Buffer.from("x"));
  expect(view.toString()).toBe("abcd");
});

test("byte by byte, the memory is moved a few times, not each time", () => {
  const queue = createByteQueue();
  const buffers = new Set<Buffer>();
  for (let i = 0; i < 100_000; i++) {
    append(queue, Uint8Array.of(i));
    buffers.add(queue.buffer);
  }
  expect(buffers.size).toBeLessThan(12);
});
