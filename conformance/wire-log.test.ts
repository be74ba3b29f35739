/** The log of a case is read by people: it is bounded, and long runs of the same are folded. */
import { expect, test } from "bun:test";
import { createWireLog, linesOf, note, received, sent } from "./wire-log.ts";

const without = (lines: readonly string[]) => lines.map((line) => line.replace(/^ *[\d.]+ ms +/, ""));

test("a short log is shown whole", () => {
  const log = createWireLog();
  note(log, "alice", "connected from 127.0.0.1:1");
  sent(log, "alice", Buffer.from("a\n"));
  received(log, "bob", Buffer.from("a\n"));
  expect(without(linesOf(log))).toEqual([
    "alice  connected from 127.0.0.1:1",
    'alice  → "a\\n"',
    'bob    ← "a\\n"',
  ]);
});

test("of a long run of similar entries both ends are shown, and what follows is not folded", () => {
  const log = createWireLog();
  for (let i = 0; i < 20; i++) sent(log, "alice", Buffer.from(`word ${i}`));
  received(log, "bob", Buffer.from("x"));
  const lines = without(linesOf(log));
  expect(lines.map((line) => line.trim())).toEqual([
    ...[0, 1, 2, 3, 4].map((i) => `alice  → "word ${i}"`),
    "… 10 more …",
    ...[15, 16, 17, 18, 19].map((i) => `alice  → "word ${i}"`),
    'bob    ← "x"',
  ]);
});

test("ten similar entries are all shown", () => {
  const log = createWireLog();
  for (let i = 0; i < 10; i++) sent(log, "alice", Buffer.from(`${i}`));
  expect(linesOf(log).length).toBe(10);
});

test("alternating entries of several peers are folded too, and different ones between them stay", () => {
  const log = createWireLog();
  for (let i = 0; i < 300; i++) {
    sent(log, "alice", Buffer.from(`${i} fff`));
    received(log, "carol", Buffer.from(`[127.0.0.1:40000]: ${i} fff`));
    if (i === 150) received(log, "carol", Buffer.from("something else"));
  }
  const lines = without(linesOf(log));
  expect(lines.filter((line) => line.includes("something else")).length).toBe(1);
  expect(lines.filter((line) => line.includes(" more …"))).toEqual([
    expect.stringContaining("292 more"),
    expect.stringContaining("288 more"),
  ]);
  expect(lines.length).toBeLessThan(25);
});

test("connects of many peers are one run", () => {
  const log = createWireLog();
  for (let i = 0; i < 30; i++) note(log, `g${i}`, `connected from 127.0.0.1:${i}`);
  expect(linesOf(log).length).toBe(11);
});

test("a log is bounded, whatever is received", () => {
  const log = createWireLog();
  for (let i = 0; i < 20_000; i++) {
    received(log, "alice", crypto.getRandomValues(new Uint8Array(400)));
    note(log, `${String.fromCharCode(97 + (i % 26)).repeat(i % 50)}`, `does ${i.toString(36)}`);
  }
  expect(linesOf(log).length).toBeLessThan(300);
  const kept = [...log.doers.values()].flatMap((shapes) => [...shapes.values()]);
  expect(kept.length).toBeLessThan(600);
});
