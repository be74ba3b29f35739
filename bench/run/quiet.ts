/**
 * Whether the machine has time for a measurement. It is asked before the first sample, and again when sample after
 * sample could not count: a busy machine is to be told in seconds, not after minutes without a figure.
 */
import { busyBetween } from "../../platform/busy.ts";
import { cpuTime, now } from "../../platform/clock.ts";
import { exitCodes, Failure } from "../../platform/failure.ts";
import { printable } from "../../platform/printable.ts";
import { cpuTicks } from "../../platform/proc.ts";
import { everyProcess, withDescendants } from "../../platform/process-tree.ts";
import type { Sample } from "../record/record.ts";
import { percent } from "../record/units.ts";
import { disturbed } from "../record/validity.ts";

/** What others did for a moment. */
export type Look = {
  /** Share of the CPUs that other programs used, and of the machine's that the hypervisor gave away. */
  others: number;
  stolen: number;
  /** The busiest of them, each with its share of one CPU. */
  busiest: { name: string; pid: number; share: number }[];
};

/**
 * Where neither figure is passed, most samples count. A program that keeps one of two CPUs busy passes it, and spoils
 * every sample of a closed loop; the noise of a shared machine, a fifth or a third of its time, does not.
 */
const MAX_OTHERS = 0.4;
const MAX_STOLEN = 0.25;
const LOOK_MS = 500;
/** A compiler may just be finishing. */
const LOOKS = 16;
const NAMED = 3;

const tooBusy = ({ others, stolen }: Look) => others > MAX_OTHERS || stolen > MAX_STOLEN;

/** Looks for half a second; undefined where /proc cannot be read. `cpus`: those that are to be measured on. */
export async function look(cpus: readonly number[]): Promise<Look | undefined> {
  const ours = () => withDescendants([process.pid]);
  const read = () => ({ at: now(), ticks: cpuTicks(), own: cpuOf(ours()), all: everyProcess() });
  const before = read();
  await Bun.sleep(LOOK_MS);
  const after = read();
  const elapsed = after.at - before.at;
  const busy = busyBetween(before.ticks, after.ticks, elapsed, cpus);
  if (!busy || busy.size === 0 || !before.ticks || !after.ticks) return undefined;
  const used = [...busy.values()].reduce((a, b) => a + b, 0) - (after.own - before.own);
  const known = new Map(before.all.map((one) => [one.pid, one]));
  const mine = new Set(ours());
  const busiest = after.all
    .filter(({ pid }) => !mine.has(pid))
    .map(({ pid, name, cpu }) => ({ pid, name, share: (cpu - (known.get(pid)?.cpu ?? 0)) / elapsed }))
    .filter(({ share }) => share >= 0.05)
    .sort((a, b) => b.share - a.share);
  return {
    others: Math.max(0, used) / (busy.size * elapsed),
    stolen: (after.ticks.steal - before.ticks.steal) / (after.ticks.total - before.ticks.total),
    busiest: busiest.slice(0, NAMED),
  };
}

const cpuOf = (pids: readonly number[]) => pids.reduce((sum, pid) => sum + (cpuTime(pid) ?? 0), 0);

export type QuietOptions = {
  look: () => Promise<Look | undefined>;
  /** Is told, once, that it waits. */
  tell: (words: string) => void;
};

/** Resolves as soon as the machine is quiet enough; throws when it has not become so within some seconds. */
export async function awaitQuiet({ look, tell }: QuietOptions): Promise<void> {
  const seconds = (LOOKS * LOOK_MS) / 1000;
  for (let looks = 1; ; looks++) {
    const seen = await look();
    if (!seen || !tooBusy(seen)) return;
    if (looks === LOOKS)
      throw new Failure(
        exitCodes.untrusted,
        `this machine is too busy to measure on: for ${seconds} s ${describe(seen)}; ${WAY_OUT}`,
      );
    if (looks === 1) tell(`waiting up to ${seconds} s for a quieter machine: ${describe(seen)}`);
  }
}

/** So many samples in a row that the machine spoilt, and more would hardly fare better. */
const MAX_DISTURBED = 8;

/** Throws when the last samples, all of them, could not count for the machine's sake. */
export async function giveUpIfBusy(
  samples: readonly Sample[],
  look: () => Promise<Look | undefined>,
): Promise<void> {
  // Samples without meters look at bytes: no machine is too busy for them.
  const last = samples.filter(({ meters }) => meters !== undefined).slice(-MAX_DISTURBED);
  if (last.length < MAX_DISTURBED || !last.every(disturbed)) return;
  const now = await look();
  throw new Failure(
    exitCodes.untrusted,
    `the machine is too busy: ${MAX_DISTURBED} samples in a row could not count for that${now ? `; now ${describe(now)}` : ""}; ${WAY_OUT}`,
  );
}

const WAY_OUT = "stop them, try later, or measure all the same with --busy";

/** What others did, in words. */
export function describe({ others, stolen, busiest }: Look): string {
  const names = busiest.map(
    ({ name, pid, share }) => `${printable(name)}, pid ${pid}, ${percent(share)} of a CPU`,
  );
  const lost = stolen > 0.01 ? `, and the hypervisor gave away ${percent(stolen)}` : "";
  return `other programs used ${percent(others)} of the CPUs${names.length > 0 ? ` (${names.join("; ")})` : ""}${lost}`;
}
