/** The proof that cases can fail: each mutant fails exactly the cases listed for it, and no other. */
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { type Mutant, mutants, provenCases } from "../servers/mutants/index.ts";
import { inProcess } from "../targets/in-process.ts";
import { onThisBun, program } from "../targets/programs.ts";
import { type Case, deviates } from "./case.ts";
import { judgedBy } from "./index.ts";
import { protocols } from "./protocols.ts";
import { runCases } from "./runner.ts";

/** Shorter than for third-party servers: most of the time goes into waiting for what a mutant never sends. */
const TIMEOUT_MS = 1000;
const AT_ONCE = 20;
const MUTANTS = join(import.meta.dir, "../servers/mutants");

/** Slow cases, those that wait for a server's times, and those that need a process, run only where they fail. */
function casesFor(mutant: Mutant, all: readonly Case[]): readonly Case[] {
  if (mutant.process) return all.filter(({ id }) => mutant.fails.includes(id));
  return all.filter(
    ({ id, slow, times, needs }) => needs !== "console" && ((!slow && !times) || mutant.fails.includes(id)),
  );
}

async function failedBy(mutant: Mutant): Promise<string[]> {
  const protocol = protocols.find(({ slug }) => slug === mutant.protocol)!;
  const source = mutant.process
    ? program(mutant.name, () => onThisBun(join(MUTANTS, mutant.file), ...mutant.flags))
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

/** Tests run one after another; the mutants' waiting does not have to. */
const running = new Map<Mutant, Promise<string[]>>();
const order = [...mutants];
function startNext(): void {
  const next = order.shift();
  if (!next) return;
  const work = failedBy(next);
  running.set(next, work);
  work.then(startNext, startNext);
}

async function resultOf(mutant: Mutant): Promise<string[]> {
  if (running.size === 0) for (let i = 0; i < AT_ONCE; i++) startNext();
  while (!running.has(mutant)) await Bun.sleep(20);
  return running.get(mutant)!;
}

describe("each mutant fails exactly the cases listed for it", () => {
  for (const mutant of mutants)
    test(`${mutant.name}: ${mutant.fault}`, async () => {
      const fails = [...mutant.fails].sort();
      // A busy machine can join two writes that were to come apart: what differs is run again, alone, twice at most.
      if (Bun.deepEquals(await resultOf(mutant), fails)) return;
      if (Bun.deepEquals(await failedBy(mutant), fails)) return;
      expect(await failedBy(mutant)).toEqual(fails);
    }, 120_000);
});

test("every mutant names a fault and existing cases", () => {
  const ids = new Set(protocols.flatMap(({ cases }) => cases.map(({ id }) => id)));
  for (const { name, fault, fails } of mutants) {
    expect(fault, name).toBeString();
    expect(
      fails.filter((id) => !ids.has(id)),
      name,
    ).toEqual([]);
  }
});

test("nearly every case that judges is proven", () => {
  const proven = provenCases();
  const judging = protocols
    .flatMap(({ cases }) => cases)
    .filter(({ level }) => level === "MUST" || level === "SHOULD");
  expect(judging.filter(({ id }) => !proven.has(id)).map(({ id }) => id)).toEqual(["hub/2.6"]);
});
