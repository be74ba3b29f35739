import { describe, expect, test } from "bun:test";
import { allowedCpus } from "../../platform/affinity.ts";
import type { Sample } from "../record/record.ts";
import { awaitQuiet, giveUpIfBusy, describe as inWords, type Look, look } from "./quiet.ts";

const seen = (others: number, stolen = 0): Look => ({
  others,
  stolen,
  busiest: [{ name: "cc1\u001b[31m", pid: 7, share: others * 2 }],
});

/** Waits as the bench does, but on given looks; the last one holds on. */
async function waiting(...looks: (Look | undefined)[]) {
  const told: string[] = [];
  let taken = 0;
  const failure = await awaitQuiet({
    look: async () => looks[Math.min(taken++, looks.length - 1)],
    tell: (words) => told.push(words),
  }).catch((error: unknown) => error);
  return { told, taken, failure };
}

describe("before the first sample", () => {
  test.each([
    ["a quiet machine", seen(0.02)],
    ["the noise of a shared machine", seen(0.33, 0.15)],
    ["a machine of which nothing can be read", undefined],
  ])("%s is measured on at once, without a word", async (_, first) => {
    expect(await waiting(first)).toEqual({ told: [], taken: 1, failure: undefined });
  });

  test("what ends soon is waited for", async () => {
    const { told, taken, failure } = await waiting(seen(0.9), seen(0.7), seen(0.1));
    expect([told.length, taken, failure]).toEqual([1, 3, undefined]);
    expect(told[0]).toStartWith(
      "waiting up to 8 s for a quieter machine: other programs used 90 % of the CPUs",
    );
  });

  test.each([
    ["others", seen(0.55)],
    ["the hypervisor", seen(0.1, 0.5)],
  ])(
    "a machine that stays busy by %s is told in one line, with exit code 4 and what to do",
    async (_, look) => {
      const { taken, failure } = await waiting(look);
      expect(taken).toBeLessThan(20);
      expect(failure).toMatchObject({ exitCode: 4 });
      const { message } = failure as Error;
      expect(message).toContain("too busy to measure on");
      expect(message).toContain("pid 7");
      expect(message).toContain("--busy");
      expect(message).not.toMatch(/[\n\u001b]/);
    },
  );
});

test.skipIf(process.platform !== "linux")("a program that burns a CPU is seen, and named", async () => {
  const cpus = allowedCpus();
  const burners = cpus.map(() => Bun.spawn([process.execPath, "-e", "process.title = 'burner'; for (;;);"]));
  try {
    // They are children of this test, and so of the bench: others only to one that is not their parent.
    const script = `
      import { look } from ${JSON.stringify(`${import.meta.dir}/quiet.ts`)};
      console.log(JSON.stringify(await look(${JSON.stringify(cpus)})));
    `;
    const { stdout } = Bun.spawn([process.execPath, "-e", script]);
    const found: Look = JSON.parse(await stdout.text());
    expect(found.others).toBeGreaterThan(0.4);
    expect(found.busiest.length).toBeGreaterThan(0);
    expect(inWords(found)).toMatch(/^other programs used \d+ % of the CPUs \(.+, pid \d+, \d+ % of a CPU/);
    // And not by whoever they belong to.
    const here = await look(cpus);
    const pids = burners.map(({ pid }) => pid);
    expect(here!.busiest.filter(({ pid }) => pids.includes(pid))).toEqual([]);
  } finally {
    for (const burner of burners) burner.kill("SIGKILL");
  }
});

describe("during the run", () => {
  const meters = {} as NonNullable<Sample["meters"]>;
  const sample = (rule?: string, parts = {}) => ({ meters, invalid: rule ? [{ rule }] : [], ...parts });
  const run = (...samples: object[]) => giveUpIfBusy(samples as unknown as Sample[], async () => seen(0.9));
  const disturbed = Array.from({ length: 8 }, (_, i) => sample(i % 2 ? "stolen CPU" : "CPU contended"));

  test("eight samples in a row that the machine spoilt end it", async () => {
    await expect(run(sample(), ...disturbed)).rejects.toMatchObject({
      exitCode: 4,
      message: expect.stringMatching(/^the machine is too busy: 8 samples in a row .*; now .*cc1.*--busy$/),
    });
  });

  test.each([
    ["seven", disturbed.slice(1)],
    ["one that counts among them", [...disturbed.slice(1), sample()]],
    ["one that was asked too much", [...disturbed.slice(1), sample("rate not reached")]],
  ])("%s do not", async (_, samples) => {
    expect(await run(...samples)).toBeUndefined();
  });

  test("samples that look at bytes alone are passed over", async () => {
    const bytes = sample(undefined, { meters: undefined });
    await expect(run(...disturbed.slice(1), bytes, ...disturbed.slice(7))).rejects.toThrow("too busy");
  });
});
