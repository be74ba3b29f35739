/** The log of a case is read by people: it is bounded, and long runs of the same are folded. */
import { expect, test } from "bun:test";
import { createWireLog, linesOf, note, received, sent } from "./wire-log.ts";

const without = (lines: readonly string[]) => lines.map((line) => line.replace(/^ *[\d.]+ ms +/, ""));

test("a short log stands as it is", () => {
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

test("a long run of one peer's writes is folded, what follows is not", () => {
  const log = createWireLog();
  for (let i = 0; i < 20; i++) sent(log, "alice", Buffer.from(`${i}`));
  received(log, "bob", Buffer.from("x"));
  const lines = without(linesOf(log));
  expect(lines.map((line) => line.trim())).toEqual([
    'alice  → "0"',
    'alice  → "1"',
    'alice  → "2"',
    "… 14 more like these …",
    'alice  → "17"',
    'alice  → "18"',
    'alice  → "19"',
    'bob    ← "x"',
  ]);
});

test("connects of many peers are one run, and a log has a bound", () => {
  const log = createWireLog();
  for (let i = 0; i < 30; i++) note(log, `g${i}`, `connected from 127.0.0.1:${i}`);
  expect(linesOf(log).length).toBe(7);
  for (let i = 0; i < 1000; i++) (i % 2 ? sent : received)(log, "alice", Buffer.from("y"));
  expect(linesOf(log).length).toBeLessThan(100);
});
