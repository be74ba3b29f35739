/** What no comparison can be made of is refused in one line, with exit code 2, as the command line or a program asks for it. */
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { checkBudget, checkFirstRound } from "./budget.ts";

const folder = mkdtempSync(`${tmpdir()}/sockbench-refused-`);
afterAll(() => rmSync(folder, { recursive: true }));
writeFileSync(
  `${folder}/targets.json`,
  JSON.stringify([
    { name: "sums", url: "tcp://127.0.0.1:1", protocols: ["sum-tcp"] },
    { name: "rooms", url: "tcp://127.0.0.1:2", protocols: ["chat-bracket"] },
  ]),
);

async function bench(line: string) {
  const args = ["bench", ...line.split(" "), "--busy", "--results", folder];
  const child = Bun.spawn([process.execPath, `${import.meta.dir}/../sockbench.ts`, ...args], {
    ...{ stdin: "ignore", stdout: "pipe", stderr: "pipe", cwd: folder },
  });
  const [stdout, stderr, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { stdout, stderr, code };
}

const ROOM = "fanout --protocol chat/bracket --connections 4";

test.each([
  [
    `${ROOM} --loop closed --server bun,unbatched --budget 1`,
    "--budget 1: a comparison takes 2 rounds at least, and their slices alone take 1.4 s",
  ],
  [
    `${ROOM} --server bun,unbatched --duration 2 --budget 15`,
    "--budget 15: a comparison takes 2 rounds at least, and their slices alone take 16.1 s",
  ],
  [
    `${ROOM} --loop closed --server bun,unbatched --duration 0.2 --warmup 0.1 --budget 0.9`,
    "--budget 0.9: a comparison takes 2 rounds at least, and by the first, they take",
  ],
  [`${ROOM} --server bun --budget 5`, "--budget is of comparisons, and there is one server alone"],
  [`${ROOM} --threshold 5%`, "--threshold is of comparisons, and there is one server alone"],
  [
    `${ROOM} --server bun,unbatched --budget 5 --samples 4`,
    "--budget and --samples do not go together: it takes exactly so many rounds",
  ],
  ["idle --server bun,node --budget 5", "--budget would change nothing: what runs is idle"],
  [
    "sum --server bun,unbatched",
    "--server bun,unbatched: they share nothing that would be measured: there is no unbatched server for sum/",
  ],
  [
    "fanout --protocol relay --server bun,unbatched",
    "--protocol relay: there is no unbatched server for relay",
  ],
  [
    "fanout --server bun,unbatched",
    "--protocol chat/bracket names one that all have, and --skip-missing goes on without it",
  ],
  ["fanout --server sums,rooms", "fanout does not fit all of them"],
  ["--server rooms --protocol sum/tcp", "--protocol sum/tcp: there is no rooms server for sum/tcp"],
])(
  "bench %s",
  async (line, words) => {
    const { code, stdout, stderr } = await bench(line);
    expect(stderr).toContain(words);
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr.split("\n").filter((text) => text.startsWith("error: "))).toHaveLength(1);
  },
  60_000,
);

test("slices alone may not be longer than a budget, nor two rounds like the first", () => {
  expect(() => checkBudget(4000, 2000)).not.toThrow();
  expect(() => checkBudget(4000, 2001)).toThrow("--budget 4: a comparison takes 2 rounds at least");
  expect(() => checkFirstRound(4000, 2000)).not.toThrow();
  expect(() => checkFirstRound(4000, 2001)).toThrow("by the first, they take 4.0 s");
});
