/** What a soak counts of one server: what arrived as it was to, what did not, and what was done to it meanwhile. */

export type Tally = {
  /** Deliveries, replies, files: each compared byte by byte. */
  verified: number;
  /** What should have come and did not, once everything had time to come. */
  missing: number;
  /** Wrong bytes, repeated messages, verifying connections that ended. */
  faults: number;
  /** The first few of them, in words. */
  witnesses: string[];
  /** Connections that came and went, that did not read, and that sent garbage. */
  churned: number;
  stalled: number;
  fuzzed: number;
};

const WITNESSES = 5;

export const createTally = (): Tally => ({
  verified: 0,
  missing: 0,
  faults: 0,
  witnesses: [],
  churned: 0,
  stalled: 0,
  fuzzed: 0,
});

export function fault(tally: Tally, text: string): void {
  tally.faults++;
  if (tally.witnesses.length < WITNESSES) tally.witnesses.push(text);
}

export function miss(tally: Tally, count: number, text: string): void {
  tally.missing += count;
  if (count > 0 && tally.witnesses.length < WITNESSES) tally.witnesses.push(`${count} missing: ${text}`);
}

/** Something that goes on until it is stopped; `stop` waits, bounded, for what is still on its way. */
export type Going = { stop: () => Promise<void> };

const TIMEOUT_MS = 10_000;

/** Waits until it is so, or no longer makes sense to. */
export async function settled(isSo: () => boolean, timeoutMs = TIMEOUT_MS): Promise<void> {
  for (const end = performance.now() + timeoutMs; !isSo() && performance.now() < end; ) await Bun.sleep(20);
}
