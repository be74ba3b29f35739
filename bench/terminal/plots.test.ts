/** Plots of blocks in the terminal. */
import { describe, expect, test } from "bun:test";
import { barHistogram, sparkline } from "./plots.ts";

describe("a bar histogram", () => {
  test("groups by doubling from four on", () => {
    const labels = barHistogram(Array.from({ length: 20 }, () => 1))
      .split("\n")
      .map((line) => line.trim().split(" ")[0]);
    expect(labels).toEqual(["0", "1", "2", "3", "4–7", "8–15", "16–31"]);
  });

  test("gives the longest bar the whole width, and what is rare still something", () => {
    const [none, rare, often] = barHistogram([0, 1, 100_000]).split("\n");
    expect(none).toBe("0 0");
    expect(rare).toBe("1 ▏ 1");
    expect(often).toBe(`2 ${"█".repeat(40)} 100000`);
  });

  test("has parts of a letter", () => {
    expect(barHistogram([undefined, 80, 1]).split("\n")[2]).toBe("2 ▌ 1");
  });
});

describe("a sparkline", () => {
  test("goes from the least to the most and says both", () => {
    expect(sparkline([1, 5, 9], (value) => `${value} ms`)).toBe("▁▄█ 1 ms – 9 ms");
  });

  test("leaves a gap where a run has no value", () => {
    expect(sparkline([1, undefined, 9])).toBe("▁ █ 1 – 9");
  });

  test("marks places", () => {
    expect(sparkline([1, 1, 9, 9], String, [2])).toBe("▁▁│██ 1 – 9");
  });

  test("is level where nothing changed, and nothing of nothing", () => {
    expect(sparkline([7, 7])).toBe("▄▄ 7");
    expect(sparkline([undefined])).toBe("");
  });
});
