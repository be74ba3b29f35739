/**
 * The framing workload: lines cut and joined at every place where a server could mistake a read for a
 * message. A sends, B receives, and C speaks between the parts of a line: once B has heard C, the server
 * has read what A sent before, so that the cut really was one.
 */
import { type Dialect, type DialectName, dialects } from "../../protocols/chat.ts";
import { createObjectSplitter, splitObjects } from "../../protocols/json-objects.ts";
import { createLineBuffer, splitLines } from "../../protocols/lines.ts";
import { type CorpusLine, corpus, type LineForm, lineForm, randomLine } from "../corpus.ts";
import { type Exchange, Unreachable } from "../exchange.ts";
import { createLedger, type FaultKind, type Witness } from "../ledger.ts";
import { openProbes, type Probe } from "../probe.ts";
import { seededRandom } from "../requests.ts";
import { parseTarget, type Target } from "../target.ts";

export type FramingPlan = {
  workload: "framing";
  target: string;
  protocol: DialectName;
  seed: number;
  /** Every split of the lines at the limit too; otherwise those near the ends, powers of two, and some more. */
  exhaustive: boolean;
  /** Lines of the random stage, over all senders. */
  randomLines: number;
};

export type StageName = "split in two" | "coalesced" | "byte by byte" | "random";
export type Stage = {
  name: StageName;
  /** Cases tried, and how many there would be (more only where the splits of a long line are sampled). */
  tried: number;
  possible: number;
  counts: Record<FaultKind, number>;
  witnesses: Witness[];
  /** Why the stage ended before its time. */
  stopped?: string;
};

export type FramingReport = { workload: "framing"; stages: Stage[] };

/** A line of which nothing comes for so long is lost. */
const CASE_TIMEOUT_MS = 1000;
const QUIET_MS = 40;
const MAX_FAILURES = 5;
const SENDERS = 8;
const RECEIVERS = 8;
/** Longest line of which every split is tried without being asked to. */
const ALL_SPLITS_BYTES = 4096;

/** Three members of one room, and how they speak. */
type Trio = { a: Probe; b: Probe; c: Probe; form: LineForm; prefixOf: (probe: Probe) => Uint8Array };

export async function runFraming(plan: FramingPlan, exchange: Exchange): Promise<FramingReport> {
  const target = parseTarget(plan.target);
  if (!target) throw new Unreachable(`${plan.target} is no target`);
  await exchange.ready({ prefixes: [] });
  const form = lineForm(dialects[plan.protocol], Math.floor(Date.now() / 1000));
  const lines = corpus(form.limit);
  const stages: Stage[] = [];
  for (const run of [splitInTwo, coalesced, byteByByte]) {
    const trio = await openTrio(target, plan.protocol, form);
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

const zeroes = (): Record<FaultKind, number> => ({
  lost: 0,
  duplicated: 0,
  reordered: 0,
  corrupt: 0,
  unexpected: 0,
});
const emptyStage = (name: StageName): Stage => ({
  name,
  tried: 0,
  possible: 0,
  counts: zeroes(),
  witnesses: [],
});
const latin1 = (bytes: Uint8Array) => Buffer.from(bytes).toString("latin1");

const SYNC = new Uint8Array(Buffer.from("~sync~"));

/** Opens three members and waits until they hear each other; ids are read from the greetings. */
async function openTrio(target: Target, protocol: DialectName, form: LineForm): Promise<Trio> {
  const dialect: Dialect = dialects[protocol];
  const [a, b, c] = await openProbes(target, 3);
  const ids = new Map<Probe, number>();
  const prefixOf = (probe: Probe) =>
    Buffer.from(dialect.prefix({ address: probe.address, id: ids.get(probe) ?? 0 }));
  // C speaks until B and A have heard it: from then on nothing of the joining is left on its way.
  const sync = form.write(SYNC);
  const heard = Buffer.from(SYNC).toString("latin1");
  const got = new Map<Probe, string>([a, b, c].map((probe) => [probe, ""]));
  for (let tries = 0; ; tries++) {
    if (tries === 25) {
      for (const probe of [a, b, c]) probe.close();
      throw new Unreachable(`${target.url} took 3 members, but they did not hear each other within 5 s`);
    }
    c.send(sync);
    await Promise.all([a, b].map((probe) => probe.arrived(1, 200)));
    for (const probe of [a, b, c]) got.set(probe, got.get(probe) + latin1(probe.take()));
    if ([a, b].every((probe) => got.get(probe)?.includes(heard))) break;
  }
  if (dialect.greeting) {
    const pattern = new RegExp(dialect.greeting({ id: 0, address: "" }).trimEnd().replace("0", "(\\d+)"));
    for (const [probe, text] of got) ids.set(probe, Number(pattern.exec(text)?.[1]));
  }
  await quiet(a, b, c);
  return { a, b, c, form, prefixOf };
}

/** Waits until nothing more comes, and forgets what came. */
async function quiet(...probes: Probe[]): Promise<void> {
  for (let i = 0; i < 20; i++) {
    for (const probe of probes) probe.take();
    const came = await Promise.all(probes.map((probe) => probe.arrived(1, QUIET_MS)));
    if (!came.includes(true)) return;
  }
}

const delivered = ({ form, prefixOf }: Trio, probe: Probe, line: Uint8Array) =>
  Buffer.concat([prefixOf(probe), form.delivered(line)]);

/** Waits for exactly these units at B, in this order, and enters what is otherwise. */
async function expectUnits(stage: Stage, trio: Trio, units: Uint8Array[], what: string): Promise<void> {
  const length = units.reduce((sum, unit) => sum + unit.length, 0);
  stage.tried++;
  await trio.b.arrived(length, CASE_TIMEOUT_MS);
  const got = Buffer.from(trio.b.take());
  trio.a.take();
  trio.c.take();
  if (got.equals(Buffer.concat(units))) return;
  await quiet(trio.b);
  compareUnits(stage, units, got, what);
  const failures = Object.values(stage.counts).reduce((sum, count) => sum + count, 0);
  if (trio.a.lost() ?? trio.b.lost() ?? trio.c.lost())
    stage.stopped = `the server ended a connection (${trio.a.lost() ?? trio.b.lost() ?? trio.c.lost()}) at: ${what}`;
  else if (failures >= MAX_FAILURES) stage.stopped = `stopped after ${failures} faults`;
}

/** Sorts the difference between what was to come and what came into the ledger's kinds. */
function compareUnits(stage: Stage, units: Uint8Array[], got: Buffer, what: string): void {
  const enter = (kind: FaultKind, text: string) => {
    stage.counts[kind]++;
    if (stage.witnesses.length < 20) stage.witnesses.push({ kind, receiver: 0, text: `${what}: ${text}` });
  };
  const waiting = units.map(latin1);
  const came = new Set<string>();
  for (const line of latin1(got).split(/(?<=\n)/)) {
    const place = waiting.indexOf(line);
    if (place >= 0) {
      for (const skipped of waiting.splice(0, place)) enter("lost", excerpt(skipped));
      waiting.shift();
      came.add(line);
    } else if (came.has(line)) enter("duplicated", excerpt(line));
    else if (line !== "") enter("corrupt", excerpt(line));
  }
  for (const missing of waiting) enter("lost", excerpt(missing));
}

const excerpt = (text: string) =>
  JSON.stringify(text.length > 80 ? `${text.slice(0, 60)}… (${text.length} bytes)` : text);

/** The places to cut a line of so many bytes at. */
function cuts(length: number, all: boolean, random: () => number): number[] {
  if (all || length <= ALL_SPLITS_BYTES) return Array.from({ length: length - 1 }, (_, i) => i + 1);
  const places = new Set<number>();
  const add = (place: number) => place > 0 && place < length && places.add(place);
  for (let i = 1; i <= 64; i++) add(i) && add(length - i);
  for (let power = 64; power < length; power *= 2) for (const near of [-1, 0, 1]) add(power + near);
  for (const read of [1448, 32_741, 32_768, 65_483]) for (const near of [-1, 0, 1]) add(read + near);
  for (let i = 0; i < 64; i++) add(1 + Math.floor(random() * (length - 1)));
  return [...places].sort((a, b) => a - b);
}

async function splitInTwo(trio: Trio, lines: CorpusLine[], plan: FramingPlan): Promise<Stage> {
  const stage = emptyStage("split in two");
  const random = seededRandom(plan.seed);
  const { a, b, c, form } = trio;
  const sync = delivered(trio, c, SYNC);
  for (const { name, bytes } of lines) {
    const written = form.write(bytes);
    const whole = delivered(trio, a, bytes);
    stage.possible += written.length - 1;
    for (const cut of cuts(written.length, plan.exhaustive, random)) {
      if (stage.stopped) return stage;
      a.send(written.subarray(0, cut));
      c.send(form.write(SYNC));
      await b.arrived(sync.length, CASE_TIMEOUT_MS);
      a.send(written.subarray(cut));
      await expectUnits(stage, trio, [sync, whole], `${name}, cut at byte ${cut} of ${written.length}`);
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
    const units = group.map(({ bytes }) => delivered(trio, a, bytes));
    await expectUnits(stage, trio, units, `${group.length} lines in one write`);
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
    await expectUnits(stage, trio, [delivered(trio, a, bytes)], `${name}, one byte a write`);
  }
  return stage;
}

/** Random lines from 8 senders to 8 receivers, their streams cut and merged at random places. */
async function randomCuts(target: Target, plan: FramingPlan, form: LineForm): Promise<Stage> {
  const stage = emptyStage("random");
  const random = seededRandom(plan.seed ^ 0x5eed);
  const dialect: Dialect = dialects[plan.protocol];
  const probes = await openProbes(target, SENDERS + RECEIVERS);
  try {
    const ids = await hearAll(target, probes, form, dialect);
    const senders = probes.slice(0, SENDERS);
    const receivers = probes.slice(SENDERS);
    const perSender = Math.ceil(plan.randomLines / SENDERS);
    /** Every line as it is to be delivered, and whose it is. */
    const known = new Map<string, { sender: number; sequence: number }>();
    let bytesToCome = 0;
    const streams = senders.map((probe, sender) => {
      const prefix = Buffer.from(dialect.prefix({ address: probe.address, id: ids[sender] }));
      const written: Uint8Array[] = [];
      for (let sequence = 0; sequence < perSender; sequence++) {
        const line = randomLine(random, sender, sequence);
        const unit = Buffer.concat([prefix, form.delivered(line)]);
        known.set(latin1(unit).slice(0, -1), { sender, sequence });
        bytesToCome += unit.length;
        written.push(form.write(line));
      }
      return Buffer.concat(written);
    });
    await sendInPieces(senders, streams, random, receivers);
    await Promise.all(receivers.map((probe) => probe.arrived(bytesToCome, CASE_TIMEOUT_MS)));
    const short = receivers.some((probe) => probe.lost() !== undefined);
    if (short)
      stage.stopped = `the server ended a connection: ${receivers.find((probe) => probe.lost())?.lost()}`;
    const ledger = createLedger(RECEIVERS, SENDERS);
    receivers.forEach((probe, receiver) => {
      for (const unit of unitsOf(dialect, probe.take())) {
        const line = known.get(unit);
        if (line) ledger.enter(receiver, line.sender, line.sequence);
        else ledger.fault("corrupt", receiver, unit.slice(0, 200));
      }
    });
    ledger.close(new Int32Array(SENDERS).fill(perSender), () => true);
    const { delivered: _, ...counts } = ledger.counts;
    return {
      ...stage,
      tried: perSender * SENDERS,
      possible: perSender * SENDERS,
      counts,
      witnesses: ledger.witnesses,
    };
  } finally {
    for (const probe of probes) probe.close();
  }
}

/** Waits until every member has heard the last one; returns the ids that a greeting gave, by member. */
async function hearAll(target: Target, probes: Probe[], form: LineForm, dialect: Dialect): Promise<number[]> {
  const texts = probes.map(() => "");
  const last = probes.length - 1;
  for (let tries = 0; !texts.every((text, i) => i === last || text.includes(latin1(SYNC))); tries++) {
    if (tries === 25)
      throw new Unreachable(`${target.url}: ${probes.length} members did not hear each other within 5 s`);
    probes[last].send(form.write(SYNC));
    await Promise.all(probes.map((probe) => probe.arrived(1, 200)));
    probes.forEach((probe, i) => {
      texts[i] += latin1(probe.take());
    });
  }
  await quiet(...probes);
  if (!dialect.greeting) return probes.map(() => 0);
  const pattern = new RegExp(dialect.greeting({ id: 0, address: "" }).trimEnd().replace("0", "(\\d+)"));
  return texts.map((text) => Number(pattern.exec(text)?.[1]));
}

/** Sends all streams, in turns of random length from random senders; pauses let the server's reads differ. */
async function sendInPieces(
  senders: Probe[],
  streams: Uint8Array[],
  random: () => number,
  receivers: Probe[],
): Promise<void> {
  const at = streams.map(() => 0);
  for (let turn = 0; at.some((position, i) => position < streams[i].length); turn++) {
    const sender = Math.floor(random() * senders.length);
    const length = 1 + Math.floor(random() ** 4 * 8000);
    senders[sender].send(streams[sender].subarray(at[sender], at[sender] + length));
    at[sender] = Math.min(streams[sender].length, at[sender] + length);
    if (turn % 8 === 0) await Bun.sleep(0);
    // What the senders hear of each other is not looked at here.
    if (turn % 256 === 0) for (const probe of senders) probe.take();
    if (receivers.some((probe) => probe.lost() !== undefined)) return;
  }
}

function unitsOf(dialect: Dialect, bytes: Uint8Array): string[] {
  const units: string[] = [];
  const take = (from: Uint8Array, start: number, end: number) =>
    void units.push(latin1(from.subarray(start, end)));
  if (dialect.units === "objects") splitObjects(createObjectSplitter(1_000_000), bytes, take);
  else splitLines(createLineBuffer(), bytes, 1_000_000, take);
  return units;
}
