import { expect, test } from "bun:test";
import { createLedger } from "./ledger.ts";

const everyone = () => true;

test("messages in their order are delivered and nothing else", () => {
  const ledger = createLedger(2, 2);
  for (let sequence = 0; sequence < 100; sequence++)
    for (const receiver of [0, 1])
      for (const sender of [0, 1]) expect(ledger.enter(receiver, sender, sequence)).toBe(true);
  ledger.close([100, 100], everyone);
  expect(ledger.counts).toEqual({
    delivered: 400,
    lost: 0,
    duplicated: 0,
    reordered: 0,
    corrupt: 0,
    unexpected: 0,
  });
  expect(ledger.witnesses).toEqual([]);
});

test("a message that never comes is lost, in the middle and at the end, with a witness", () => {
  const ledger = createLedger(1, 1);
  for (const sequence of [0, 1, 3, 4]) ledger.enter(0, 0, sequence);
  ledger.close([7], everyone);
  expect(ledger.counts).toMatchObject({ delivered: 4, lost: 3 });
  expect(ledger.witnesses.map(({ kind, sequence }) => `${kind} ${sequence}`)).toEqual([
    "lost 2",
    "lost 5",
    "lost 6",
  ]);
});

test("a late message is reordered, not lost", () => {
  const ledger = createLedger(1, 1);
  for (const sequence of [0, 2, 1, 3]) expect(ledger.enter(0, 0, sequence)).toBe(true);
  ledger.close([4], everyone);
  expect(ledger.counts).toMatchObject({ delivered: 4, lost: 0, reordered: 1, duplicated: 0 });
});

test("a message that comes twice is a duplicate, also a late one that comes twice", () => {
  const ledger = createLedger(1, 1);
  for (const sequence of [0, 0, 2, 1, 1]) ledger.enter(0, 0, sequence);
  expect(ledger.counts).toMatchObject({ delivered: 3, duplicated: 2, reordered: 1 });
});

test("what a receiver is not to hear is not missed", () => {
  const ledger = createLedger(2, 2);
  ledger.enter(0, 1, 0);
  ledger.enter(1, 0, 0);
  ledger.close([1, 1], (receiver, sender) => receiver !== sender);
  expect(ledger.counts).toMatchObject({ delivered: 2, lost: 0 });
});

test("sent is delivered and lost, whatever order, loss and duplication do", () => {
  const ledger = createLedger(1, 1);
  const sequences = Array.from({ length: 500 }, (_, i) => i).filter((i) => i % 7 !== 0);
  for (const sequence of sequences.sort((a, b) => ((a * 37) % 101) - ((b * 37) % 101)))
    ledger.enter(0, 0, sequence);
  ledger.close([500], everyone);
  expect(ledger.counts.delivered + ledger.counts.lost).toBe(500);
  expect(ledger.counts.delivered).toBe(sequences.length);
});

test("witnesses of one kind are bounded, counts are not", () => {
  const ledger = createLedger(1, 1);
  ledger.close([1000], everyone);
  expect(ledger.counts.lost).toBe(1000);
  expect(ledger.witnesses.length).toBe(5);
});
