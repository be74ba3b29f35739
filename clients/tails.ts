/**
 * The latencies of all slices of a round: of every block, and of those in which the machine was least in the way. A tail is a
 * matter of few messages, and a pause of a millisecond that nobody sees in a median is all of it. Which blocks those are is
 * told by the pauses alone, never by the latencies, and of a block all servers' slices are taken or none.
 */
import type { Slice } from "./drives/drive.ts";
import { createHistogram, encodeHistogram, type Histogram } from "./histogram.ts";

export type TailsOf = {
  /** By the first part of the metric's name: of all slices, those of blocks that were taken again too. */
  histograms: Record<string, string>;
  /** Of the calm blocks; where they are few, of the calmest. */
  calmest: Record<string, string>;
  /** Slices of all blocks, and of those that were calm. */
  driven: { all: number; calm: number };
};

export type Tails = ReturnType<typeof createTails>;

/** Blocks by the longest pause that a slice of theirs has met, nanoseconds: up to these. */
const PAUSES = [1e6, 2e6, 4e6, 8e6, 16e6, Number.POSITIVE_INFINITY];
/** Up to the first of them a block is calm. So large a share of blocks is judged, whatever they have met. */
const JUDGED = 1 / 3;

type Sums = Record<string, Histogram>;

export function createTails(servers: number) {
  const bins = PAUSES.map(() => ({
    blocks: 0,
    sums: Array.from({ length: servers }, (): Sums => ({})),
  }));
  const blocks = () => bins.reduce((sum, bin) => sum + bin.blocks, 0);

  /** As many of the calmest as are judged. */
  function judged(): typeof bins {
    let taken = 0;
    return bins.filter(({ blocks: more }, i) => {
      if (i > 0 && taken >= blocks() * JUDGED) return false;
      taken += more;
      return true;
    });
  }

  return {
    /** One slice of each server. */
    add(block: readonly Slice[]): void {
      if (block.some(({ done }) => done === 0)) return;
      const pause = Math.max(...block.map(pauseOf));
      const bin = bins[PAUSES.findIndex((most) => pause <= most)];
      bin.blocks++;
      block.forEach(({ latencies = {} }, server) => void addTo(bin.sums[server], latencies));
    },
    of: (server: number): TailsOf => ({
      histograms: encoded(bins.map(({ sums }) => sums[server])),
      calmest: encoded(judged().map(({ sums }) => sums[server])),
      driven: { all: blocks(), calm: bins[0].blocks },
    }),
  };
}

/** Longest time for which server or fleet could have run and others had the CPU, or the fleet was late by itself. */
const pauseOf = ({ fleetWait = 0, serverWait = 0, paced }: Slice): number =>
  Math.max(fleetWait, serverWait, paced?.lag ?? 0);

function addTo(sums: Sums, more: Sums): void {
  for (const [name, histogram] of Object.entries(more)) {
    sums[name] ??= createHistogram();
    sums[name].add(histogram);
  }
}

function encoded(list: readonly Sums[]): Record<string, string> {
  const all: Sums = {};
  for (const sums of list) addTo(all, sums);
  return Object.fromEntries(Object.entries(all).map(([name, sum]) => [name, encodeHistogram(sum)]));
}
