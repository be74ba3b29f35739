/**
 * What the workloads share that cut a stream at every place where a server could mistake a read for a message:
 * a stage and its faults, the places to cut at, and how streams are sent in random pieces.
 */
import type { FaultKind, Witness } from "./ledger.ts";
import type { Probe } from "./probe.ts";

export type StageName = "split in two" | "coalesced" | "byte by byte" | "random";
export type Stage = {
  name: StageName;
  /** Cases tried, and how many there would be (more only where the splits of a long line are sampled). */
  tried: number;
  possible: number;
  counts: Record<FaultKind, number>;
  /** Units that had not come when nothing had come for `STALLED_MS`: late, or lost, which nobody can tell. */
  undelivered: number;
  witnesses: Witness[];
  /** Why the stage ended before its time. */
  stopped?: string;
};

/** When nothing comes for so long, it is asked whether the rest is lost or late. */
export const CASE_TIMEOUT_MS = 1000;
/** A server from which nothing comes for so long has stopped: what it owes is not waited for. */
export const STALLED_MS = 5000;
export const QUIET_MS = 40;
/** Longest unit of which every split is tried without being asked to. */
export const ALL_SPLITS_BYTES = 4096;
const MAX_FAILURES = 5;

export const emptyStage = (name: StageName): Stage => ({
  name,
  tried: 0,
  possible: 0,
  counts: { lost: 0, duplicated: 0, reordered: 0, corrupt: 0, unexpected: 0 },
  undelivered: 0,
  witnesses: [],
});

/** Text of which each character is a byte. */
export const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("latin1");

/** Ends a stage that has found enough, whose connection the server has ended, or in which nothing comes any more. */
export function stopIfHopeless(stage: Stage, probes: Probe[], what: string): void {
  const lost = probes.map((probe) => probe.lost()).find((reason) => reason !== undefined);
  const failures = Object.values(stage.counts).reduce((sum, count) => sum + count, 0);
  if (stage.undelivered > 0) stage.stopped = `nothing came for ${STALLED_MS / 1000} s; at: ${what}`;
  else if (lost) stage.stopped = `${lost}; at: ${what}`;
  else if (failures >= MAX_FAILURES) stage.stopped = `stopped after ${failures} faults`;
}

/** What came at a listener. */
export type Heard = {
  got: Uint8Array;
  /** Whether what has not come is not going to: what was said behind it has come, or the connection has ended. */
  complete: boolean;
};

/**
 * Sorts the difference between what was to come and what came into the ledger's kinds. A unit is lost when a later one
 * has come, or when no more can come; else it is undelivered.
 * @param notForIt units that were said and are not for this listener
 * @param marks units that were said to see what comes behind them, of this case and of earlier ones
 */
export function compareUnits(
  stage: Stage,
  units: readonly Uint8Array[],
  { got, complete }: Heard,
  what: string,
  notForIt: readonly Uint8Array[] = [],
  marks: ReadonlySet<string> = new Set(),
): void {
  const enter = (kind: FaultKind, text: string) => {
    stage.counts[kind]++;
    if (stage.witnesses.length < 20) stage.witnesses.push({ kind, receiver: 0, text: `${what}: ${text}` });
  };
  const waiting = units.map(latin1);
  const passed: string[] = [];
  const came = new Set<string>();
  const others = new Set(notForIt.map(latin1));
  for (const line of latin1(got).split(/(?<=\n)/)) {
    if (marks.has(line)) continue;
    const place = waiting.indexOf(line);
    if (place >= 0) {
      passed.push(...waiting.splice(0, place));
      waiting.shift();
      came.add(line);
    } else if (passed.includes(line)) {
      passed.splice(passed.indexOf(line), 1);
      enter("reordered", excerpt(line));
    } else if (came.has(line)) enter("duplicated", excerpt(line));
    else if (others.has(line)) enter("unexpected", `its own message came back: ${excerpt(line)}`);
    else if (line !== "") enter("corrupt", excerpt(line));
  }
  for (const missing of complete ? [...passed, ...waiting] : passed) enter("lost", excerpt(missing));
  if (!complete) stage.undelivered += waiting.length;
}

const excerpt = (text: string) =>
  JSON.stringify(text.length > 80 ? `${text.slice(0, 60)}… (${text.length} bytes)` : text);

/** The places to cut a unit of so many bytes at: every one, or those near the ends, powers of two, and some more. */
export function cuts(length: number, all: boolean, random: () => number): number[] {
  if (all || length <= ALL_SPLITS_BYTES) return Array.from({ length: length - 1 }, (_, i) => i + 1);
  const places = new Set<number>();
  const add = (place: number) => place > 0 && place < length && places.add(place);
  for (let i = 1; i <= 64; i++) add(i) && add(length - i);
  for (let power = 64; power < length; power *= 2) for (const near of [-1, 0, 1]) add(power + near);
  for (const read of [1448, 32_741, 32_768, 65_483]) for (const near of [-1, 0, 1]) add(read + near);
  for (let i = 0; i < 64; i++) add(1 + Math.floor(random() * (length - 1)));
  return [...places].sort((a, b) => a - b);
}

/**
 * Sends all streams, in turns of random length from random senders; pauses let the server's reads differ.
 * `onPause` is called now and then; true from it ends the sending.
 */
export async function sendInPieces(
  senders: Probe[],
  streams: Uint8Array[],
  random: () => number,
  onPause: () => boolean,
): Promise<void> {
  const at = streams.map(() => 0);
  for (let turn = 0; at.some((position, i) => position < streams[i].length); turn++) {
    const sender = Math.floor(random() * senders.length);
    const length = 1 + Math.floor(random() ** 4 * 8000);
    senders[sender].send(streams[sender].subarray(at[sender], at[sender] + length));
    at[sender] = Math.min(streams[sender].length, at[sender] + length);
    if (turn % 8 === 0) await Bun.sleep(0);
    if (turn % 256 === 0 && onPause()) return;
  }
}
