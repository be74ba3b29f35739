/**
 * The framing workload: lines cut and joined at every place where a server could mistake a read for a
 * message. A sends, B receives, and C speaks between the parts of a line: once B has heard C, the server
 * has read what A sent before, so that the cut really was one.
 */
import { seededRandom } from "../../platform/random.ts";
import type { Dialect } from "../../protocols/chat.ts";
import { capabilityOf } from "../../protocols/index.ts";
import { createObjectSplitter, splitObjects } from "../../protocols/json-objects.ts";
import { createLineBuffer, splitLines } from "../../protocols/lines.ts";
import { type CorpusLine, corpus, type LineForm, lineForm, randomLine } from "../corpus.ts";
import { type Endpoint, plannedEndpoint } from "../endpoint.ts";
import type { Exchange } from "../exchange.ts";
import { createLedger } from "../ledger.ts";
import { openProbes, type Probe } from "../probe.ts";
import {
  ALL_SPLITS_BYTES,
  CASE_TIMEOUT_MS,
  cuts,
  emptyStage,
  latin1,
  STALLED_MS,
  type Stage,
  sendInPieces,
} from "../stages.ts";
import { Unreachable } from "../unreachable.ts";
import { delivered, expectUnits, idIn, openTrio, quiet, SYNC, type Trio } from "./trio.ts";

export type FramingPlan = {
  workload: "framing";
  target: string;
  protocol: string;
  seed: number;
  /** Every split of the lines at the limit too; otherwise those near the ends, powers of two, and some more. */
  exhaustive: boolean;
  /** Lines of the random stage, over all senders. */
  randomLines: number;
};

export type FramingReport = { workload: "framing"; stages: Stage[] };

const SENDERS = 8;
const RECEIVERS = 8;
export async function runFraming(plan: FramingPlan, exchange: Exchange): Promise<FramingReport> {
  const target = plannedEndpoint(plan);
  await exchange.ready({ prefixes: [] });
  const dialect = capabilityOf(plan.protocol, "dialect");
  const form = lineForm(dialect, Math.floor(Date.now() / 1000));
  const lines = corpus(form.limit);
  const stages: Stage[] = [];
  for (const run of [splitInTwo, coalesced, byteByByte]) {
    const trio = await openTrio(target, dialect, form);
    try {
      stages.push(await run(trio, lines, plan));
    } finally {
      for (const probe of [trio.a, trio.b, trio.c]) probe.close();
    }
    exchange.progress({ sent: stages.length, delivered: stages.length });
  }
  stages.push(await randomCuts(target, plan, form));
  return { workload: "framing", stages };
}

async function splitInTwo(trio: Trio, lines: CorpusLine[], plan: FramingPlan): Promise<Stage> {
  const stage = emptyStage("split in two");
  const random = seededRandom(plan.seed);
  const { a, b, c, form } = trio;
  const sync = delivered(trio, c, SYNC);
  for (const { name, bytes } of lines) {
    const written = form.write(bytes);
    const said = [
      { by: c, unit: sync },
      { by: a, unit: delivered(trio, a, bytes) },
    ];
    stage.possible += written.length - 1;
    for (const cut of cuts(written.length, plan.exhaustive, random)) {
      if (stage.stopped) return stage;
      a.send(written.subarray(0, cut));
      c.send(form.write(SYNC));
      await b.arrived(sync.length, CASE_TIMEOUT_MS);
      a.send(written.subarray(cut));
      await expectUnits(stage, trio, said, `${name}, split at byte ${cut} of ${written.length}`);
    }
  }
  return stage;
}

async function coalesced(trio: Trio, lines: CorpusLine[]): Promise<Stage> {
  const stage = emptyStage("coalesced");
  const { a, form } = trio;
  const short = lines.filter(({ bytes }) => bytes.length < ALL_SPLITS_BYTES);
  const groups = [
    lines,
    short,
    [...short].reverse(),
    ...short.map((line) => Array.from({ length: 10 }, () => line)),
  ];
  stage.possible = groups.length;
  for (const group of groups) {
    if (stage.stopped) break;
    a.send(Buffer.concat(group.map(({ bytes }) => form.write(bytes))));
    const said = group.map(({ bytes }) => ({ by: a, unit: delivered(trio, a, bytes) }));
    await expectUnits(stage, trio, said, `${group.length} lines in one write`);
  }
  return stage;
}

async function byteByByte(trio: Trio, lines: CorpusLine[]): Promise<Stage> {
  const stage = emptyStage("byte by byte");
  const { a, form } = trio;
  stage.possible = lines.length;
  for (const { name, bytes } of lines) {
    if (stage.stopped) break;
    const written = form.write(bytes);
    for (let at = 0; at < written.length; at++) a.send(written.subarray(at, at + 1));
    await expectUnits(stage, trio, [{ by: a, unit: delivered(trio, a, bytes) }], `${name}, one byte a write`);
  }
  return stage;
}

/** Whose line it is, as a ledger numbers them; `sequence` past the last is the line by which a sender ends. */
type Line = { sender: number; sequence: number };

/** Random lines from 8 senders to 8 receivers and to each other, their streams cut and merged at random places. */
async function randomCuts(target: Endpoint, plan: FramingPlan, form: LineForm): Promise<Stage> {
  const random = seededRandom(plan.seed ^ 0x5eed);
  const dialect = capabilityOf(plan.protocol, "dialect");
  const probes = await openProbes(target, SENDERS + RECEIVERS);
  try {
    const ids = await hearAll(target, probes, form, dialect);
    const senders = probes.slice(0, SENDERS);
    const perSender = Math.ceil(plan.randomLines / SENDERS);
    /** Every line as it is to be delivered. */
    const known = new Map<string, Line>();
    const bytes = senders.map(() => 0);
    const streams = senders.map((probe, sender) => {
      const prefix = Buffer.from(dialect.prefix({ address: probe.address, id: ids[sender] }));
      const written: Uint8Array[] = [];
      for (let sequence = 0; sequence <= perSender; sequence++) {
        const line = randomLine(random, sender, sequence);
        const unit = Buffer.concat([prefix, form.delivered(line)]);
        known.set(latin1(unit).slice(0, -1), { sender, sequence });
        bytes[sender] += unit.length;
        written.push(form.write(line));
      }
      return Buffer.concat(written);
    });
    const lost = () => probes.map((probe) => probe.lost()).find((reason) => reason !== undefined);
    await sendInPieces(senders, streams, random, () => lost() !== undefined);
    const all = bytes.reduce((sum, one) => sum + one, 0);
    const toCome = (probe: number) => all - (form.echoes ? 0 : (bytes[probe] ?? 0));
    await Promise.all(probes.map((probe, index) => probe.arrived(toCome(index), STALLED_MS)));
    const units = probes.map((probe) => unitsOf(dialect, probe.take()));
    return {
      ...emptyStage("random"),
      ...judgeRandom(units, known, perSender, form.echoes),
      ...endedBy(lost()),
    };
  } finally {
    for (const probe of probes) probe.close();
  }
}

const endedBy = (lost: string | undefined): Pick<Stage, "stopped"> =>
  lost === undefined ? {} : { stopped: lost };

/** What each probe has heard, against what was said: the first probes are the senders. */
function judgeRandom(
  heard: string[][],
  known: ReadonlyMap<string, Line>,
  perSender: number,
  echoes: boolean,
): Omit<Stage, "name"> {
  const ledger = createLedger({
    receivers: heard.length,
    senders: SENDERS,
    hears: (receiver, sender) => echoes || receiver !== sender,
  });
  heard.forEach((units, receiver) => {
    for (const unit of units) {
      const line = known.get(unit);
      if (!line) ledger.corrupt(receiver, { text: unit.slice(0, 200) });
      else if (line.sequence < perSender) ledger.enter(receiver, line.sender, line.sequence);
      else ledger.end(receiver, line.sender);
    }
  });
  ledger.close(new Int32Array(SENDERS).fill(perSender));
  const { delivered: _, undelivered, ...counts } = ledger.counts;
  const [tried, possible] = [perSender * SENDERS, perSender * SENDERS];
  const stopped = `${undelivered} deliveries had not come when nothing more came for ${STALLED_MS / 1000} s`;
  return {
    tried,
    possible,
    counts,
    undelivered,
    witnesses: ledger.witnesses,
    ...(undelivered > 0 ? { stopped } : {}),
  };
}

/** Waits until every member has heard the last one; returns the ids that a greeting gave, by member. */
async function hearAll(
  target: Endpoint,
  probes: Probe[],
  form: LineForm,
  dialect: Dialect,
): Promise<number[]> {
  const texts = probes.map(() => "");
  const last = probes.length - 1;
  const met = () =>
    texts.every((text, i) => i === last || text.includes(latin1(SYNC))) &&
    !texts.some((text) => Number.isNaN(idIn(dialect, text)));
  for (let tries = 0; !met(); tries++) {
    if (tries === 25)
      throw new Unreachable(`${target.url}: ${probes.length} members did not hear each other within 5 s`);
    probes[last].send(form.write(SYNC));
    await Promise.all(probes.map((probe) => probe.arrived(1, 200)));
    probes.forEach((probe, i) => {
      texts[i] += latin1(probe.take());
    });
  }
  await quiet(...probes);
  return texts.map((text) => idIn(dialect, text));
}

function unitsOf(dialect: Dialect, bytes: Uint8Array): string[] {
  const units: string[] = [];
  const take = (from: Uint8Array, start: number, end: number) =>
    void units.push(latin1(from.subarray(start, end)));
  if (dialect.units === "objects") splitObjects(createObjectSplitter(1_000_000), bytes, take);
  else splitLines(createLineBuffer(), bytes, 1_000_000, take);
  return units;
}
