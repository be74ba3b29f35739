/**
 * The dialogue workload: what framing is for servers that answer each request on its own connection. A asks,
 * its requests cut and joined everywhere; between the parts of a request B asks and is answered, so that the
 * server has read what A sent before, and the cut really was one. Replies must come in order and exact.
 */
import { seededRandom } from "../../platform/random.ts";
import { capabilityOf } from "../../protocols/index.ts";
import type { Dialogue, Exchanged } from "../../protocols/protocol.ts";
import { type Endpoint, plannedEndpoint } from "../endpoint.ts";
import type { Exchange } from "../exchange.ts";
import { openProbes, type Probe } from "../probe.ts";
import {
  CASE_TIMEOUT_MS,
  compareUnits,
  cuts,
  emptyStage,
  type Heard,
  latin1,
  QUIET_MS,
  STALLED_MS,
  type Stage,
  sendInPieces,
  stopIfHopeless,
} from "../stages.ts";
import { Unreachable } from "../unreachable.ts";

export type DialoguePlan = {
  workload: "dialogue";
  target: string;
  protocol: string;
  seed: number;
  /** Requests of the random stage, over all connections. */
  randomRequests: number;
};

export type DialogueReport = { workload: "dialogue"; stages: Stage[] };

const CONNECTIONS = 8;
const TOGETHER = [2, 10, 100];
/** What has not come by then, after the time of a case, is asked for by ending the connection. */
const LATE_MS = 2000;

export async function runDialogue(plan: DialoguePlan, exchange: Exchange): Promise<DialogueReport> {
  const target = plannedEndpoint(plan);
  await exchange.ready({ prefixes: [] });
  const dialogue = capabilityOf(plan.protocol, "dialogue");
  await firstReply(target, dialogue);
  const stages: Stage[] = [];
  for (const run of [splitInTwo, coalesced, byteByByte]) {
    const [a, b] = await openProbes(target, 2);
    try {
      stages.push(await run(a, b, dialogue.corpus));
    } finally {
      a.close();
      b.close();
    }
    exchange.progress({ sent: stages.length, delivered: stages.length });
  }
  stages.push(await randomCuts(target, plan, dialogue));
  return { workload: "dialogue", stages };
}

/** A server that does not answer one plain request is not there, which is another thing than being wrong. */
async function firstReply(target: Endpoint, { corpus: [plain] }: Dialogue): Promise<void> {
  const [probe] = await openProbes(target, 1);
  probe.send(plain.request);
  const answered = await probe.arrived(1, STALLED_MS);
  probe.close();
  if (!answered)
    throw new Unreachable(`${target.url} took a connection but did not answer within ${STALLED_MS / 1000} s`);
}

/** Waits at a probe for exactly these replies, in this order, and enters what is otherwise. */
async function expectReplies(
  stage: Stage,
  probe: Probe,
  asked: readonly Exchanged[],
  what: string,
): Promise<void> {
  const wanted = Buffer.concat(asked.map(({ reply }) => reply));
  stage.tried++;
  await probe.arrived(wanted.length, CASE_TIMEOUT_MS);
  let got = probe.take();
  if (wanted.equals(got)) return;
  // What is wrong may have more behind it, which is not the next case's.
  if (await probe.arrived(1, QUIET_MS)) got = Buffer.concat([got, probe.take()]);
  const heard = await theRest(probe, got, wanted);
  const right = wanted.equals(heard.got);
  if (right && !heard.finished) return;
  // All of it, and too late: the connection is used up, and nobody is to blame.
  if (right) stage.undelivered++;
  compareUnits(
    stage,
    asked.map(({ reply }) => reply),
    heard,
    what,
  );
  if (heard.finished && heard.complete)
    stage.stopped = `its connection was ended to find what is lost; at: ${what}`;
  else stopIfHopeless(stage, [probe], what);
}

/**
 * Waits for what has not come: it may be late. Only behind a FIN of ours, when the server has answered all that came
 * before it and ended, is it known to be lost.
 */
async function theRest(
  probe: Probe,
  first: Uint8Array,
  wanted: Uint8Array,
): Promise<Heard & { finished: boolean }> {
  const heard = () => Buffer.concat([first, probe.take()]);
  const missing = wanted.length - first.length;
  // As many replies as requests: what is wrong with them is not that one is missing.
  const all = repliesIn(first) >= repliesIn(wanted) || (await probe.arrived(missing, LATE_MS));
  if (all || probe.lost() !== undefined) return { got: heard(), complete: true, finished: false };
  probe.finish();
  await probe.arrived(Number.POSITIVE_INFINITY, STALLED_MS);
  return { got: heard(), complete: probe.lost() !== undefined, finished: true };
}

const repliesIn = (bytes: Uint8Array) => latin1(bytes).split("\n").length - 1;

/** One plain request more: a reply too many, for which nobody waited, would stand before its own. */
async function expectNothingMore(stage: Stage, probe: Probe, plain: Exchanged): Promise<void> {
  if (stage.stopped) return;
  probe.send(plain.request);
  await expectReplies(stage, probe, [plain], "a plain request behind all others");
  stage.possible++;
}

async function splitInTwo(a: Probe, b: Probe, corpus: readonly Exchanged[]): Promise<Stage> {
  const stage = emptyStage("split in two");
  const [plain] = corpus;
  for (const one of corpus) {
    const { length } = one.request;
    stage.possible += length - 1;
    for (const cut of cuts(length, true, () => 0)) {
      if (stage.stopped) return stage;
      a.send(one.request.subarray(0, cut));
      b.send(plain.request);
      await b.arrived(plain.reply.length, CASE_TIMEOUT_MS);
      b.take();
      a.send(one.request.subarray(cut));
      await expectReplies(stage, a, [one], `${one.name}, split at byte ${cut} of ${length}`);
    }
  }
  await expectNothingMore(stage, a, plain);
  return stage;
}

async function coalesced(a: Probe, _: Probe, corpus: readonly Exchanged[]): Promise<Stage> {
  const stage = emptyStage("coalesced");
  const groups = [
    corpus,
    [...corpus].reverse(),
    ...corpus.flatMap((one) => TOGETHER.map((count) => Array.from({ length: count }, () => one))),
  ];
  stage.possible = groups.length;
  for (const group of groups) {
    if (stage.stopped) return stage;
    a.send(Buffer.concat(group.map(({ request }) => request)));
    await expectReplies(stage, a, group, `${group.length} requests in one write`);
  }
  await expectNothingMore(stage, a, corpus[0]);
  return stage;
}

async function byteByByte(a: Probe, _: Probe, corpus: readonly Exchanged[]): Promise<Stage> {
  const stage = emptyStage("byte by byte");
  stage.possible = corpus.length;
  for (const one of corpus) {
    if (stage.stopped) return stage;
    for (let at = 0; at < one.request.length; at++) a.send(one.request.subarray(at, at + 1));
    await expectReplies(stage, a, [one], `${one.name}, one byte a write`);
  }
  await expectNothingMore(stage, a, corpus[0]);
  return stage;
}

/** Random requests on 8 connections, their streams cut and merged at random places. */
async function randomCuts(target: Endpoint, plan: DialoguePlan, dialogue: Dialogue): Promise<Stage> {
  const stage = emptyStage("random");
  const random = seededRandom(plan.seed ^ 0x5eed);
  const next = dialogue.random(random);
  const each = Math.ceil(plan.randomRequests / CONNECTIONS);
  stage.possible = each * CONNECTIONS;
  const probes = await openProbes(target, CONNECTIONS);
  try {
    const asked = probes.map(() => Array.from({ length: each }, next));
    const streams = asked.map((list) => Buffer.concat(list.map(({ request }) => request)));
    await sendInPieces(probes, streams, random, () => probes.some((probe) => probe.lost() !== undefined));
    const replies = asked.map((list) => list.map(({ reply }) => reply));
    const wanted = replies.map((list) => Buffer.concat(list));
    await arrivedAtAll(
      probes,
      wanted.map(({ length }) => length),
    );
    const heard = await Promise.all(probes.map((probe, i) => theRest(probe, probe.take(), wanted[i])));
    for (const [i, probe] of probes.entries()) {
      stage.tried += each;
      if (wanted[i].equals(heard[i].got)) continue;
      compareUnits(stage, replies[i], heard[i], `connection ${i} of ${CONNECTIONS}`);
      stopIfHopeless(stage, [probe], "random requests");
    }
    return stage;
  } finally {
    for (const probe of probes) probe.close();
  }
}

/** Waits for so many bytes at each, as long as any comes anywhere: a server may answer one connection after another. */
async function arrivedAtAll(probes: readonly Probe[], bytes: readonly number[]): Promise<void> {
  const arrivals = () => probes.reduce((sum, probe) => sum + probe.takeReads().length, 0);
  for (arrivals(); ; ) {
    const all = await Promise.all(probes.map((probe, i) => probe.arrived(bytes[i], LATE_MS)));
    if (all.every(Boolean) || arrivals() === 0) return;
  }
}
