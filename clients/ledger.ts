/**
 * Who received what: for each receiver and sender the next expected sequence number. A message in its order
 * costs one comparison; only a gap costs more. Lost, duplicated, reordered, corrupt and unexpected messages
 * are counted, and the first few of each are kept as witnesses.
 */

export const faultKinds = ["lost", "duplicated", "reordered", "corrupt", "unexpected"] as const;
export type FaultKind = (typeof faultKinds)[number];

/** One fault, told in full: enough to find it again. */
export type Witness = {
  kind: FaultKind;
  receiver: number;
  sender?: number;
  sequence?: number;
  text?: string;
};

const WITNESSES_PER_KIND = 5;
/** Gaps are remembered up to so many messages; past it a late message counts as duplicated (and we say so). */
const MAX_MISSING = 1_000_000;

export type Ledger = ReturnType<typeof createLedger>;

/** `senders` as numbered in the messages; `receivers` as numbered by the caller. */
export function createLedger(receivers: number, senders: number) {
  const next = new Int32Array(receivers * senders);
  /** Sequence numbers that were passed over, by pair: they may still come, late. */
  const missing = new Map<number, Set<number>>();
  let missingCount = 0;
  let forgotten = 0;
  const counts = { delivered: 0, lost: 0, duplicated: 0, reordered: 0, corrupt: 0, unexpected: 0 };
  const witnesses: Witness[] = [];

  function witness(entry: Witness): void {
    if (counts[entry.kind] <= WITNESSES_PER_KIND) witnesses.push(entry);
  }

  /** A message that is not the next one: it skips some, or comes late, or again. True if it is new. */
  function outOfOrder(pair: number, receiver: number, sender: number, sequence: number): boolean {
    const expected = next[pair];
    if (sequence > expected) {
      const gap = missing.get(pair) ?? new Set();
      missing.set(pair, gap);
      for (let skipped = expected; skipped < sequence; skipped++)
        if (missingCount < MAX_MISSING) {
          gap.add(skipped);
          missingCount++;
        } else forgotten++;
      next[pair] = sequence + 1;
      counts.delivered++;
      return true;
    }
    if (missing.get(pair)?.delete(sequence)) {
      missingCount--;
      counts.delivered++;
      counts.reordered++;
      witness({ kind: "reordered", receiver, sender, sequence });
      return true;
    }
    counts.duplicated++;
    witness({ kind: "duplicated", receiver, sender, sequence });
    return false;
  }

  return {
    counts,
    witnesses,
    /** Sequence numbers that could not be remembered as missing. */
    forgotten: () => forgotten,
    /** Enters a verified message; true if it is its first delivery to this receiver. */
    enter(receiver: number, sender: number, sequence: number): boolean {
      const pair = receiver * senders + sender;
      if (next[pair] !== sequence) return outOfOrder(pair, receiver, sender, sequence);
      next[pair] = sequence + 1;
      counts.delivered++;
      return true;
    },
    /** Enters bytes that are no right message. */
    fault(kind: "corrupt" | "unexpected", receiver: number, text: string): void {
      counts[kind]++;
      witness({ kind, receiver, text });
    },
    /**
     * Closes the ledger: what was sent and has not come is lost.
     * @param sent messages sent, by sender
     * @param hears whether this receiver is to get this sender's messages
     */
    close(sent: ArrayLike<number>, hears: (receiver: number, sender: number) => boolean): void {
      const lose = (receiver: number, sender: number, sequence: number) => {
        counts.lost++;
        witness({ kind: "lost", receiver, sender, sequence });
      };
      for (let receiver = 0; receiver < receivers; receiver++)
        for (let sender = 0; sender < senders; sender++) {
          if (!hears(receiver, sender)) continue;
          const pair = receiver * senders + sender;
          for (const sequence of missing.get(pair) ?? []) lose(receiver, sender, sequence);
          for (let sequence = next[pair]; sequence < sent[sender]; sequence++)
            lose(receiver, sender, sequence);
        }
      counts.lost += forgotten;
    },
  };
}
