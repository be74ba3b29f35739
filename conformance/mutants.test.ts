/** The proof that cases can fail: each mutant fails exactly the cases listed for it, and no other. */
import { describe, expect, test } from "bun:test";
import { type Mutant, mutants, provenCases, provenNumbers } from "../servers/mutants/index.ts";
import { inProcess } from "../targets/in-process.ts";
import { ours, program } from "../targets/programs.ts";
import { type Case, deviates } from "./case.ts";
import { framing } from "./chat/1-framing.ts";
import { audience } from "./chat/2-audience.ts";
import { limits } from "./chat/3-limits.ts";
import { liveness } from "./chat/4-liveness.ts";
import { endurance } from "./chat/6-endurance.ts";
import { casesOf, rules, serves } from "./generic/suite.ts";
import { frames, letters } from "./generic/testing-letters.ts";
import { judgedBy } from "./index.ts";
import { runCases } from "./runner.ts";
import { type Suite, suites } from "./suites.ts";

/** Shorter than for third-party servers: most of the time goes into waiting for what a mutant never sends. */
const TIMEOUT_MS = 1000;
/** Also for one that has to wait until others have been run again. */
const TEST_MS = 240_000;

const all: readonly Suite[] = [
  ...suites,
  ...[letters, frames].map((protocol) => {
    const { name } = protocol;
    return { slug: name, name, protocol, cases: casesOf(protocol, name), health: serves(protocol) };
  }),
];

/** Slow cases, those that wait for a server's times, and those that need a process, run only where they fail. */
function casesFor(mutant: Mutant, all: readonly Case[]): readonly Case[] {
  if (mutant.process) return all.filter(({ id }) => mutant.fails.includes(id));
  return all.filter(
    ({ id, slow, times, needs }) => needs !== "console" && ((!slow && !times) || mutant.fails.includes(id)),
  );
}

async function failedBy(mutant: Mutant): Promise<string[]> {
  const protocol = all.find(({ slug }) => slug === mutant.protocol)!;
  const source = mutant.process
    ? program(mutant.name, () => ours(`servers/mutants/${mutant.file}`, ...mutant.flags))
    : inProcess(mutant.spec, mutant.flags);
  const results = await runCases(casesFor(mutant, protocol.cases), {
    judged: judgedBy(protocol, source),
    health: protocol.health,
    workers: 12,
    timeout: TIMEOUT_MS,
    // Server and cases share this process: what stalls is seldom the host.
    attempts: 1,
  });
  const wrong = results.filter(deviates);
  return wrong.map(({ id }) => id).sort();
}

let before: Promise<unknown> = Promise.resolve();

/** Once more, when those before have been: each one that waits here takes some load off the machine. */
function failedAgainBy(mutant: Mutant): Promise<string[]> {
  const result = before.then(() => failedBy(mutant));
  before = result.catch(() => {});
  return result;
}

describe("each mutant fails exactly the cases listed for it", () => {
  // At once, as most of the time goes into waiting.
  for (const mutant of mutants)
    test.concurrent(
      `${mutant.name}: ${mutant.fault}`,
      async () => {
        const fails = [...mutant.fails].sort();
        // A busy machine can join two writes that were to come apart, or be too slow.
        if (Bun.deepEquals(await failedBy(mutant), fails)) return;
        if (Bun.deepEquals(await failedAgainBy(mutant), fails)) return;
        expect(await failedAgainBy(mutant)).toEqual(fails);
      },
      TEST_MS,
    );
});

test("every mutant names a fault and existing cases", () => {
  const ids = new Set(all.flatMap(({ cases }) => cases.map(({ id }) => id)));
  for (const { name, fault, fails } of mutants) {
    expect(fault, name).toBeString();
    expect(
      fails.filter((id) => !ids.has(id)),
      name,
    ).toEqual([]);
  }
});

/** Rules that chat dialects share stand once: a dialect without mutants of its own has them proven by the others'. */
const byAnotherDialect = (id: string, proven: ReadonlySet<string>): boolean => {
  const [slug, number] = id.split("/");
  const isDialect = ({ slug: other, protocol }: Suite) => other === slug && protocol?.dialect !== undefined;
  if (!suites.some(isDialect) || mutants.some(({ protocol }) => protocol === slug)) return false;
  const rules = [framing, audience, limits, liveness, endurance].flat();
  if (!rules.some((rule) => rule.number === number)) return false;
  return suites.some(({ slug: other, protocol }) => protocol?.dialect && proven.has(`${other}/${number}`));
};

test("nearly every case that judges is proven", () => {
  const proven = provenCases();
  const judging = suites
    .flatMap(({ cases }) => cases)
    .filter(({ level }) => level === "MUST" || level === "SHOULD");
  expect(
    judging.filter(({ id }) => !proven.has(id) && !byAnotherDialect(id, proven)).map(({ id }) => id),
  ).toEqual(["hub/2.6"]);
});

test("every case that follows from a definition is proven, by a server of a protocol that has nothing else", () => {
  const proven = provenNumbers();
  expect(rules.map(({ number }) => number).filter((number) => !proven.has(number))).toEqual([]);
});
