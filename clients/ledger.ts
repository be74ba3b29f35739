/**
 * Who received what: for each receiver and sender the next expected sequence number. A message in its order
 * costs one comparison; only a gap costs more. What is wrong is counted once, by its cause, and the first few
 * of each kind are kept as witnesses.
 *
 * A fault needs evidence. A message is lost when a later one of its sender has come, or the sender's end mark;
 * what has not come otherwise is `undelivered`: the server may only be slow. For every receiver
 * `expected = delivered + lost + corrupt + undelivered`.
 */

export const faultKinds = ["lost", "duplicated", "reordered", "corrupt", "unexpected"] as const;
export type FaultKind = (typeof faultKinds)[number];

/** One fault, told in full: enough to find it again. */
export type Witness = {
  kind: FaultKind;
  receiver: number;
  sender?: number;
  sequence?: number;
  /** What came (Latin-1), and what should have come instead. */
  text?: string;
  expected?: string;
};

/** A unit that is no right message. `sender` and `sequence` are what its header claims, if it has one. */
export type BadUnit = { text: string; sender?: number; sequence?: number; expected?: string };

const WITNESSES_PER_KIND = 5;
/** Gaps are remembered up to so many messages; past it a late message counts as duplicated (and we say so). */
const MAX_MISSING = 1_000_000;
/** In `next`, of a pair whose receiver is not to hear the sender: no sequence number equals it. */
const NOT_FOR_IT = -1;
/** A damaged header may claim any number: one farther ahead than any window is not believed. */
const MAX_AHEAD = 65_536;

export type Ledger = ReturnType<typeof createLedger>;

export type LedgerOptions = {
  /** As numbered by the caller. */
  receivers: number;
  /** As numbered in the messages. */
  senders: number;
  /** Whether this receiver is to get this sender's messages. */
  hears: (receiver: number, sender: number) => boolean;
  /** Whether a sender's messages come in its order: else a later one is no evidence that one is lost. True by default. */
  ordered?: boolean;
  /** A message that was passed over: a later one of its sender has come to this receiver. */
  onPassedOver?: (sender: number, sequence: number) => void;
};

export function createLedger({ receivers, senders, hears, ordered = true, onPassedOver }: LedgerOptions) {
  const next = new Int32Array(receivers * senders);
  for (let receiver = 0; receiver < receivers; receiver++)
    for (let sender = 0; sender < senders; sender++)
      if (!hears(receiver, sender)) next[receiver * senders + sender] = NOT_FOR_IT;
  /** Whether a sender's end mark has come to a receiver, by pair. */
  const ended = new Uint8Array(receivers * senders);
  let marks = 0;
  /** Sequence numbers that were passed over, by pair: they may still come, late. */
  const missing = new Map<number, Set<number>>();
  let missingCount = 0;
  let forgotten = 0;
  /** Corrupt units of which nobody can tell which message they were, by receiver. */
  const unnamed = new Map<number, number>();
  const counts = {
    delivered: 0,
    lost: 0,
    undelivered: 0,
    duplicated: 0,
    reordered: 0,
    corrupt: 0,
    unexpected: 0,
  };
  const witnesses: Witness[] = [];

  function witness(entry: Witness): void {
    if (counts[entry.kind] <= WITNESSES_PER_KIND) witnesses.push(entry);
  }

  /** Notes everything before `sequence` as passed over; `sequence` itself has come. */
  function passOver(pair: number, sender: number, sequence: number): void {
    const gap = missing.get(pair) ?? new Set();
    if (sequence > next[pair]) missing.set(pair, gap);
    for (let skipped = next[pair]; skipped < sequence; skipped++) {
      if (missingCount < MAX_MISSING) {
        gap.add(skipped);
        missingCount++;
      } else forgotten++;
      if (ordered) onPassedOver?.(sender, skipped);
    }
    next[pair] = sequence + 1;
  }

  /** Takes a number off those that were passed over; whether it was one of them. */
  function isLate(pair: number, sequence: number): boolean {
    if (!missing.get(pair)?.delete(sequence)) return false;
    missingCount--;
    return true;
  }

  /** A message that is not the next one: it skips some, comes late, comes again, or was not for this receiver. */
  function outOfOrder(pair: number, receiver: number, sender: number, sequence: number): boolean {
    const expected = next[pair];
    if (expected === NOT_FOR_IT) {
      counts.unexpected++;
      witness({ kind: "unexpected", receiver, sender, sequence, text: "its own message came back" });
      return false;
    }
    if (sequence > expected) {
      passOver(pair, sender, sequence);
      counts.delivered++;
      return true;
    }
    if (isLate(pair, sequence)) {
      counts.delivered++;
      counts.reordered++;
      witness({ kind: "reordered", receiver, sender, sequence });
      return true;
    }
    counts.duplicated++;
    witness({ kind: "duplicated", receiver, sender, sequence });
    return false;
  }

  /** Whether a corrupt unit's claim can be true: then it stands for that message, which is not missed besides. */
  function standsFor(receiver: number, sender: number, sequence: number): boolean {
    if (sender >= senders) return false;
    const pair = receiver * senders + sender;
    const expected = next[pair];
    if (expected === NOT_FOR_IT || sequence > expected + MAX_AHEAD) return false;
    if (sequence < expected) return isLate(pair, sequence);
    passOver(pair, sender, sequence);
    return true;
  }

  /** Of the corrupt units that nobody could name, as many as this receiver misses are those messages. */
  function takeUnnamed(receiver: number): boolean {
    const left = unnamed.get(receiver) ?? 0;
    if (left === 0) return false;
    unnamed.set(receiver, left - 1);
    return true;
  }

  /** What is left of the unnamed is more than was missed: it stands for nothing that was sent. */
  function disown(): void {
    for (const [receiver, left] of unnamed) {
      if (left === 0) continue;
      counts.corrupt -= left;
      counts.unexpected += left;
      const its = witnesses.filter((one) => one.kind === "corrupt" && one.receiver === receiver);
      for (const one of its.filter(({ sequence }) => sequence === undefined).slice(-left))
        one.kind = "unexpected";
    }
    unnamed.clear();
  }

  return {
    counts,
    witnesses,
    /** Sequence numbers that could not be remembered as missing. */
    forgotten: () => forgotten,
    /** End marks that have come. */
    marks: () => marks,
    /** Enters a verified message; true if it is its first delivery to this receiver, who was to hear it. */
    enter(receiver: number, sender: number, sequence: number): boolean {
      const pair = receiver * senders + sender;
      if (next[pair] !== sequence) return outOfOrder(pair, receiver, sender, sequence);
      next[pair] = sequence + 1;
      counts.delivered++;
      return true;
    },
    /** Enters a unit that bears a mark of ours and is no right message: one event, counted as this alone. */
    corrupt(receiver: number, unit: BadUnit): void {
      const { sender, sequence, ...words } = unit;
      const named = sender !== undefined && sequence !== undefined && standsFor(receiver, sender, sequence);
      counts.corrupt++;
      if (!named) unnamed.set(receiver, (unnamed.get(receiver) ?? 0) + 1);
      witness({ kind: "corrupt", receiver, ...words, ...(named ? { sender, sequence } : {}) });
    },
    /** Enters a unit that nobody has sent. */
    unexpected(receiver: number, { text }: BadUnit): void {
      counts.unexpected++;
      witness({ kind: "unexpected", receiver, text });
    },
    /** A sender's end mark has come to a receiver: what it said before and has not come does not come any more. */
    end(receiver: number, sender: number): void {
      const pair = receiver * senders + sender;
      if (sender >= senders || ended[pair] === 1 || next[pair] === NOT_FOR_IT) return;
      ended[pair] = 1;
      marks++;
    },
    /**
     * Closes the ledger: what was sent and has not come is lost where that is certain, else undelivered.
     * @param sent messages sent, by sender
     * @param allCertain nothing waits anywhere any more: a datagram that has not come by now does not come
     */
    close(sent: ArrayLike<number>, allCertain = false): void {
      const miss = (receiver: number, sender: number, sequence: number, certain: boolean) => {
        if (takeUnnamed(receiver)) return;
        if (!certain) counts.undelivered++;
        else {
          counts.lost++;
          witness({ kind: "lost", receiver, sender, sequence });
        }
      };
      for (let receiver = 0; receiver < receivers; receiver++)
        for (let sender = 0; sender < senders; sender++) {
          const pair = receiver * senders + sender;
          if (next[pair] === NOT_FOR_IT) continue;
          for (const sequence of missing.get(pair) ?? [])
            miss(receiver, sender, sequence, allCertain || ordered);
          for (let sequence = next[pair]; sequence < sent[sender]; sequence++)
            miss(receiver, sender, sequence, allCertain || (ordered && ended[pair] === 1));
        }
      counts.lost += forgotten;
      disown();
    },
  };
}
