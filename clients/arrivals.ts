/**
 * The open loop's latencies: of each delivery, and for each message when its first and its last receiver got
 * it. Counted from the intended send time; all in nanoseconds since the run's epoch.
 */
import { createHistogram, encodeHistogram, recordLatency } from "./histogram.ts";

/** Message k was the (k div senders)-th of sender k mod senders: what travels needs no list of messages. */
export type ArrivalsReport = {
  /** Histogram of every delivery. */
  delivery: string;
  /** By message from `warm` on: first and last arrival, and how many receivers have got it. */
  first: Float64Array;
  last: Float64Array;
  receivers: Uint16Array;
  between?: BetweenMachines;
};

/** Where fleets stand on several machines, two clocks are in a latency: unless both ends are on one. */
export type BetweenMachines = {
  /** Histogram of the deliveries whose sender is on this fleet's machine. */
  near: string;
  /** By the sender's machine: the lowest latency, and how many were below 0; these count as 0 in the histogram. */
  least: Float64Array;
  negative: Int32Array;
};

/** This fleet's machine, and those of all fleets. */
export type Standing = { own: number; machines: readonly number[] };

/**
 * @param warm messages before this one are not measured @param messages how many there are in all
 * @param standing where fleets stand on several machines
 */
export function createArrivals(senders: number, warm: number, messages: number, standing?: Standing) {
  const first = new Float64Array(messages - warm);
  const last = new Float64Array(messages - warm);
  const receivers = new Uint16Array(messages - warm);
  const delivery = createHistogram();
  const between = standing && betweenMachines(standing);

  return {
    arrived(sender: number, sequence: number, intended: number, at: number): void {
      const k = sequence * senders + sender - warm;
      if (k < 0 || k >= first.length) return;
      recordLatency(delivery, at - intended);
      between?.enter(sender, at - intended);
      if (receivers[k]++ === 0) first[k] = at;
      last[k] = at;
    },
    report: (): ArrivalsReport => ({
      delivery: encodeHistogram(delivery),
      first,
      last,
      receivers,
      ...(between ? { between: between.report() } : {}),
    }),
    /**
     * Of one fleet that holds all members: histograms of each delivery, and of the first and the last receiver, and the
     * time between these, of the messages that came to all `wanted` ones. Message `warm + i` was due at `begin + i * interval`.
     */
    latencies(begin: number, interval: number, wanted: number) {
      const [firsts, lasts, spreads] = [createHistogram(), createHistogram(), createHistogram()];
      for (let i = 0; i < first.length; i++) {
        if (receivers[i] < wanted) continue;
        recordLatency(firsts, first[i] - (begin + i * interval));
        recordLatency(lasts, last[i] - (begin + i * interval));
        recordLatency(spreads, last[i] - first[i]);
      }
      return { delivery, first: firsts, last: lasts, spread: spreads };
    },
  };
}

function betweenMachines({ own, machines }: Standing) {
  const near = createHistogram();
  const count = Math.max(...machines) + 1;
  const least = new Float64Array(count).fill(Number.POSITIVE_INFINITY);
  const negative = new Int32Array(count);
  return {
    enter(sender: number, latency: number): void {
      const machine = machines[sender % machines.length];
      if (machine === own) recordLatency(near, latency);
      if (latency < least[machine]) least[machine] = latency;
      if (latency < 0) negative[machine]++;
    },
    report: (): BetweenMachines => ({ near: encodeHistogram(near), least, negative }),
  };
}
