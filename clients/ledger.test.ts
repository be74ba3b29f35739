import { expect, test } from "bun:test";
import { createLedger } from "./ledger.ts";

const ledgerOf = (receivers: number, senders: number, hears = (_receiver: number, _sender: number) => true) =>
  createLedger({ receivers, senders, hears });

test("messages in their order are delivered and nothing else", () => {
  const ledger = ledgerOf(2, 2);
  for (let sequence = 0; sequence < 100; sequence++)
    for (const receiver of [0, 1])
      for (const sender of [0, 1]) expect(ledger.enter(receiver, sender, sequence)).toBe(true);
  ledger.close([100, 100], true);
  expect(ledger.counts).toEqual({
    delivered: 400,
    lost: 0,
    undelivered: 0,
    duplicated: 0,
    reordered: 0,
    corrupt: 0,
    unexpected: 0,
  });
  expect(ledger.witnesses).toEqual([]);
});

test("a message that never comes is lost, in the middle and at the end, with a witness", () => {
  const ledger = ledgerOf(1, 1);
  for (const sequence of [0, 1, 3, 4]) ledger.enter(0, 0, sequence);
  ledger.close([7], true);
  expect(ledger.counts).toMatchObject({ delivered: 4, lost: 3 });
  expect(ledger.witnesses.map(({ kind, sequence }) => `${kind} ${sequence}`)).toEqual([
    "lost 2",
    "lost 5",
    "lost 6",
  ]);
});

test("a late message is reordered, not lost", () => {
  const ledger = ledgerOf(1, 1);
  for (const sequence of [0, 2, 1, 3]) expect(ledger.enter(0, 0, sequence)).toBe(true);
  ledger.close([4], true);
  expect(ledger.counts).toMatchObject({ delivered: 4, lost: 0, reordered: 1, duplicated: 0 });
});

test("a message that comes twice is a duplicate, also a late one that comes twice", () => {
  const ledger = ledgerOf(1, 1);
  for (const sequence of [0, 0, 2, 1, 1]) ledger.enter(0, 0, sequence);
  expect(ledger.counts).toMatchObject({ delivered: 3, duplicated: 2, reordered: 1 });
});

test("what a receiver is not to hear is not missed", () => {
  const ledger = ledgerOf(2, 2, (receiver, sender) => receiver !== sender);
  ledger.enter(0, 1, 0);
  ledger.enter(1, 0, 0);
  ledger.close([1, 1], true);
  expect(ledger.counts).toMatchObject({ delivered: 2, lost: 0, unexpected: 0 });
});

test("what a receiver is not to hear is unexpected when it comes, and no delivery", () => {
  const ledger = ledgerOf(2, 2, (receiver, sender) => receiver !== sender);
  expect(ledger.enter(0, 0, 0)).toBe(false);
  ledger.close([0, 0], true);
  expect(ledger.counts).toMatchObject({ delivered: 0, unexpected: 1 });
  expect(ledger.witnesses[0]).toMatchObject({ kind: "unexpected", receiver: 0, sender: 0, sequence: 0 });
});

test("what has not come at the end is lost behind its sender's end mark, and only undelivered without it", () => {
  const ledger = ledgerOf(2, 1);
  for (const receiver of [0, 1]) ledger.enter(receiver, 0, 0);
  ledger.end(0, 0);
  ledger.close([3]);
  expect(ledger.counts).toMatchObject({ delivered: 2, lost: 2, undelivered: 2 });
  expect(new Set(ledger.witnesses.map(({ receiver }) => receiver))).toEqual(new Set([0]));
});

test("a gap is a loss although nothing ends its sender: a later message has come", () => {
  const ledger = ledgerOf(1, 1);
  for (const sequence of [0, 2]) ledger.enter(0, 0, sequence);
  ledger.close([4]);
  expect(ledger.counts).toMatchObject({ delivered: 2, lost: 1, undelivered: 1 });
});

test("a message that came after its sender's end mark is reordered at most, never lost", () => {
  const ledger = ledgerOf(1, 1);
  ledger.end(0, 0);
  ledger.enter(0, 0, 0);
  ledger.close([1]);
  expect(ledger.counts).toMatchObject({ delivered: 1, lost: 0, undelivered: 0 });
});

test("a corrupt unit stands for the message that it claims to be, which is not lost besides", () => {
  const ledger = ledgerOf(1, 1);
  ledger.enter(0, 0, 0);
  ledger.corrupt(0, { text: "?", sender: 0, sequence: 1, expected: "!" });
  ledger.enter(0, 0, 2);
  ledger.end(0, 0);
  ledger.close([3]);
  expect(ledger.counts).toMatchObject({ delivered: 2, corrupt: 1, lost: 0, unexpected: 0 });
  expect(ledger.witnesses).toEqual([
    { kind: "corrupt", receiver: 0, sender: 0, sequence: 1, text: "?", expected: "!" },
  ]);
});

test("a corrupt unit that names nothing stands for what its receiver misses, and for nothing where nothing is missed", () => {
  const ledger = ledgerOf(2, 1);
  for (const receiver of [0, 1]) {
    ledger.corrupt(receiver, { text: "?" });
    ledger.end(receiver, 0);
  }
  ledger.enter(1, 0, 0);
  ledger.close([1]);
  expect(ledger.counts).toMatchObject({ delivered: 1, corrupt: 1, lost: 0, unexpected: 1 });
  expect(ledger.witnesses.map(({ kind, receiver }) => `${kind} ${receiver}`)).toEqual([
    "corrupt 0",
    "unexpected 1",
  ]);
});

test("a corrupt unit whose number no sender can have reached makes no gap", () => {
  const ledger = ledgerOf(1, 1);
  ledger.corrupt(0, { text: "?", sender: 0, sequence: 0xffff_ffff });
  ledger.enter(0, 0, 1);
  ledger.close([2]);
  expect(ledger.counts).toMatchObject({ delivered: 1, corrupt: 1, lost: 0 });
});

test("whoever waits for a message is told that it was passed over", () => {
  const passed: string[] = [];
  const ledger = createLedger({
    receivers: 1,
    senders: 2,
    hears: () => true,
    onPassedOver: (sender, sequence) => void passed.push(`${sender}/${sequence}`),
  });
  for (const sequence of [0, 3]) ledger.enter(0, 1, sequence);
  expect(passed).toEqual(["1/1", "1/2"]);
});

test("sent is delivered and lost, whatever order, loss and duplication do", () => {
  const ledger = ledgerOf(1, 1);
  const sequences = Array.from({ length: 500 }, (_, i) => i).filter((i) => i % 7 !== 0);
  for (const sequence of sequences.sort((a, b) => ((a * 37) % 101) - ((b * 37) % 101)))
    ledger.enter(0, 0, sequence);
  ledger.close([500], true);
  expect(ledger.counts.delivered + ledger.counts.lost).toBe(500);
  expect(ledger.counts.delivered).toBe(sequences.length);
});

test("witnesses of one kind are bounded, counts are not", () => {
  const ledger = ledgerOf(1, 1);
  ledger.close([1000], true);
  expect(ledger.counts.lost).toBe(1000);
  expect(ledger.witnesses.length).toBe(5);
});
