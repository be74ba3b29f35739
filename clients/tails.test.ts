import { expect, test } from "bun:test";
import type { Slice } from "./drives/drive.ts";
import { createHistogram, decodeHistogram } from "./histogram.ts";
import { createTails } from "./tails.ts";

const MS = 1e6;

/** A slice with one message, which took so many milliseconds. */
function slice(took: number, parts: Partial<Slice> = {}): Slice {
  const delivery = createHistogram();
  delivery.recordValue(took * MS);
  return { elapsed: 10 * MS, done: 1, fleetCpu: 1, latencies: { delivery }, ...parts };
}

const values = (encoded: string) => {
  const histogram = decodeHistogram(encoded);
  return { count: histogram.totalCount, most: Math.round(histogram.maxValue / MS) };
};

test("a block of which one slice met a pause is left out, of both servers; with pauses all are there", () => {
  const tails = createTails(2);
  for (let i = 0; i < 6; i++) tails.add([slice(1), slice(2)]);
  tails.add([slice(50, { fleetWait: 40 * MS }), slice(3)]);
  tails.add([slice(4), slice(60, { serverWait: 2 * MS })]);
  tails.add([slice(5, { paced: { achieved: 1, lag: 5 * MS } }), slice(5)]);
  const [a, b] = [tails.of(0), tails.of(1)];
  expect([a, b].map(({ driven }) => driven)).toEqual([
    { all: 9, calm: 6 },
    { all: 9, calm: 6 },
  ]);
  expect(values(a.calmest.delivery)).toEqual({ count: 6, most: 1 });
  expect(values(b.calmest.delivery)).toEqual({ count: 6, most: 2 });
  expect(values(a.histograms.delivery)).toEqual({ count: 9, most: 50 });
  expect(values(b.histograms.delivery)).toEqual({ count: 9, most: 60 });
});

test("a tail of the server's own stays, however long", () => {
  const tails = createTails(1);
  tails.add([slice(500, { serverWait: 0, fleetWait: 0 })]);
  expect(values(tails.of(0).calmest.delivery)).toEqual({ count: 1, most: 500 });
});

test("where hardly a block is calm, the calmest third is judged, and that they are not calm is known", () => {
  const tails = createTails(1);
  tails.add([slice(1)]);
  for (const wait of [1.5, 3, 3, 3, 7, 20, 20, 20]) tails.add([slice(10 + wait, { fleetWait: wait * MS })]);
  const { calmest, driven } = tails.of(0);
  expect(driven).toEqual({ all: 9, calm: 1 });
  // Those up to 4 ms: two up to 2 ms are less than a third.
  expect(values(calmest.delivery)).toEqual({ count: 5, most: 13 });
});

test("a block of which a server did nothing is none", () => {
  const tails = createTails(2);
  tails.add([slice(1), slice(1, { done: 0 })]);
  expect(tails.of(0)).toEqual({ histograms: {}, calmest: {}, driven: { all: 0, calm: 0 } });
});
