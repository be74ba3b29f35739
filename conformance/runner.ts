/**
 * Runs cases against servers: one after another on each server, as many servers at once as there are workers.
 * After each case a new, well-behaved client checks that the server still serves.
 */

import { PAUSE_MS, watchPauses } from "../platform/pauses.ts";
import { asleep } from "../platform/proc.ts";
import { isThirdParty, type ServerSource } from "../targets/server.ts";
import { blank, type Case, type CaseResult, deviates, type Ending } from "./case.ts";
import { type Context, createContext } from "./context.ts";
import { sleep, type TcpPeer, type UdpPeer, until } from "./peer.ts";
import { canBeFresh, canStartMore, type Judged, type Servers, serversOf, type Target } from "./servers-of.ts";
import { quotable, Unsupported, Violation } from "./violation.ts";
import { linesOf } from "./wire-log.ts";
import { closedWith } from "./ws-peer.ts";

const BOUND_MS = 10_000;
/** How often a case is run at most, when the host stalled in the runs that failed. */
const ATTEMPTS = 3;
/** A running server that never served a well-behaved client is given up after so many failed cases. */
const HOPELESS_CASES = 5;
/** How long a server may take to notice that a case's connections are closed. */
const NOTICE_MS = 500;

export type RunOptions = {
  judged: Judged;
  /** A well-behaved client: what it does must always work. */
  health: (t: Context) => Promise<void>;
  /** How many servers, and so cases, at once. */
  workers: number;
  /** Maximum milliseconds that one expectation waits. */
  timeout: number;
  /** How often a case that failed while the host stalled is run at most. */
  attempts?: number;
  /** What the target is declared not to support: prefixes of ids, with the reason. */
  unsupported?: Record<string, string>;
  onResult?: (result: CaseResult) => void;
  /** Called before the first case when a well-behaved client is not served, with what it missed. */
  onUnhealthy?: (why: string) => void;
};

type Verdict = Pick<CaseResult, "verdict" | "expected" | "actual">;

/** All results, in the order of the cases. */
export async function runCases(cases: readonly Case[], options: RunOptions): Promise<CaseResult[]> {
  const { source } = options.judged;
  const first = serversOf(options.judged);
  const results = new Map<Case, CaseResult>();
  // Health is checked once at the start: a server that never served cannot have been killed by a case.
  const trouble = await troubleAtStart(first, options);
  const queue = inOrder(cases, source);
  const keep = (one: Case, result: CaseResult) => {
    results.set(one, result);
    options.onResult?.(result);
  };
  const worker = async (servers: Servers) => {
    try {
      for (let one = queue.shift(); one; one = queue.shift()) {
        const reason = declared(one, options);
        const result = reason
          ? { ...blank(one), verdict: "unsupported" as const, actual: reason }
          : await runSteadily(one, servers, options, trouble === undefined);
        keep(one, result);
        const gone = servers.gone();
        const actual = gone
          ? `the server stopped serving after ${result.id}${gone.why && `: ${gone.why}`}`
          : trouble !== undefined && isHopeless(source, [...results.values()])
            ? "the server does not serve a well-behaved client"
            : undefined;
        if (actual !== undefined)
          for (const one of queue.splice(0))
            keep(one, { ...blank(one), verdict: "error", notRun: true, actual });
      }
    } finally {
      await servers.stop();
    }
  };
  const workers = canStartMore(source) ? Math.min(options.workers, cases.length) : 1;
  await Promise.all(
    Array.from({ length: workers }, (_, i) => worker(i === 0 ? first : serversOf(options.judged))),
  );
  return cases.flatMap((one) => results.get(one) ?? []);
}

/** Cases that need a restart come last where all share one address: after a failed restart nothing is left to run. */
function inOrder(cases: readonly Case[], { kind }: ServerSource): Case[] {
  if (kind !== "at an address") return [...cases];
  return [...cases.filter(({ needs }) => !needs), ...cases.filter(({ needs }) => needs)];
}

const isHopeless = (source: ServerSource, results: readonly CaseResult[]): boolean =>
  !canStartMore(source) &&
  results.length >= HOPELESS_CASES &&
  results.every(({ verdict }) => verdict !== "pass" && verdict !== "informational");

/** A failure while the host stalled is not a verdict: the case is run again. */
async function runSteadily(
  one: Case,
  servers: Servers,
  options: RunOptions,
  served: boolean,
): Promise<CaseResult> {
  for (let attempt = 1; ; attempt++) {
    let target: Target;
    try {
      target = await servers.take(one);
    } catch (error) {
      return { ...blank(one), verdict: "error", actual: quotable(String(error)) };
    }
    const pauses = watchPauses(target.pid);
    const result = await runCase(one, target, options, served);
    const paused = pauses.end();
    await servers.giveBack(one, target, result.killed ?? false);
    if (!deviates(result) || paused < PAUSE_MS || attempt >= (options.attempts ?? ATTEMPTS) || servers.gone())
      return { ...result, ...(attempt > 1 ? { attempts: attempt } : {}) };
  }
}

function declared({ id, needs }: Case, { unsupported = {}, judged }: RunOptions): string | undefined {
  const prefix = Object.keys(unsupported).find((prefix) => matches(id, prefix));
  if (prefix !== undefined) return unsupported[prefix];
  if (canBeFresh(judged.source) || needs === undefined) return undefined;
  return needs === "fresh"
    ? "it needs a freshly started server, and this one was already running"
    : "it needs the server's standard input";
}

/** Whether an id has a prefix: `chat-bracket/2` is the section, never `chat-bracket/20`. */
export function matches(id: string, prefix: string): boolean {
  return id === prefix || (id.startsWith(prefix) && /[/.]/.test(id[prefix.length]));
}

/** What a well-behaved client misses before any case could have done harm. */
async function troubleAtStart(servers: Servers, options: RunOptions): Promise<string | undefined> {
  let target: Target;
  try {
    target = await servers.take({});
  } catch (error) {
    if (isThirdParty(options.judged.source)) throw error;
    return String(error); // it does not start: each case says so
  }
  const trouble = await troubleOf(target, options);
  if (trouble !== undefined) options.onUnhealthy?.(trouble);
  await servers.giveBack({}, target, false);
  return trouble;
}

/** What a new, well-behaved client misses; undefined when it is served. */
async function troubleOf(target: Target, { health, timeout }: RunOptions): Promise<string | undefined> {
  const context = createContext(target, timeout);
  try {
    await within(timeout * 2, () => health(context));
    return target.alive() ? undefined : "the server has exited";
  } catch (error) {
    // What cannot be judged over this transport is reported by each case.
    if (error instanceof Unsupported) return undefined;
    return error instanceof Error ? error.message : String(error);
  } finally {
    await closeAll(context);
  }
}

async function within(milliseconds: number, run: () => Promise<void>): Promise<void> {
  const stop = new AbortController();
  const timer = sleep(milliseconds, undefined, { signal: stop.signal }).then(() => {
    throw new Violation(`the case ends within ${milliseconds} ms`, "it did not");
  });
  timer.catch(() => {});
  try {
    await Promise.race([run(), timer]);
  } finally {
    stop.abort();
  }
}

async function runCase(one: Case, target: Target, options: RunOptions, served: boolean): Promise<CaseResult> {
  const context = createContext(target, options.timeout);
  const started = performance.now();
  const result = blank(one);
  Object.assign(result, await judge(one, context));
  for (const peer of context.peers) result.endings[peer.name] = endingOf(peer, context);
  await closeAll(context);
  if (context.facts.length > 0) result.found = context.facts;
  if (served && (await troubleOf(target, options)) !== undefined) {
    result.killed = true;
    result.verdict = "fail";
    const before = result.actual ? `${result.actual}; and then ` : "";
    result.expected ??= "the server still serves a new client afterwards";
    const end = await target.lastWords();
    result.actual = `${before}the server no longer serves a new client${end ? `: ${quotable(end)}` : ""}`;
  }
  result.milliseconds = performance.now() - started;
  if (result.verdict === "fail" || result.verdict === "not strict") result.wire = linesOf(context.log);
  return result;
}

/** Longer timeouts of the server lengthen the bound of the cases that wait for them. */
function boundOf({ bound = BOUND_MS, times = [] }: Case, target: Target): number {
  const seconds = times.reduce((sum, name) => sum + (target.times[name] ?? 0), 0);
  return Math.max(bound, BOUND_MS + 3 * seconds * 1000);
}

async function judge(one: Case, context: Context): Promise<Verdict> {
  try {
    await within(boundOf(one, context.target), async () => {
      await one.run(context);
      await judgeEnding(one.ends ?? "open", context);
    });
    return { verdict: one.level === "FACT" ? "informational" : "pass" };
  } catch (error) {
    if (error instanceof Unsupported) return { verdict: "unsupported", actual: error.message };
    if (!(error instanceof Violation))
      return {
        verdict: context.peers.length > 0 ? "fail" : "error",
        expected: "no error",
        actual: quotable(String(error)),
      };
    const { expected, actual, level = one.level } = error;
    const verdict = {
      MUST: "fail",
      SHOULD: "not strict",
      MAY: "informational",
      FACT: "informational",
    } as const;
    return { verdict: verdict[level], expected, actual };
  }
}

/** The second verdict of a case: how its connections have ended. */
async function judgeEnding(ends: Ending, context: Context): Promise<void> {
  const [subject, ...others] = context.peers;
  if (!subject || ends === "any") return;
  for (const peer of ends === "open" ? context.peers : others)
    if (peer.ended === "fin" || peer.ended === "reset")
      throw new Violation(`${peer.name}'s connection stays open`, `the server closed it (${peer.ended})`);
  if (ends === "open" || subject.kind === "udp") return;
  const socket = context.sockets.find(({ tcp }) => tcp === subject);
  let weaker: Violation | undefined;
  if (typeof ends === "object" && socket)
    try {
      await closedWith(socket, ends.codes, ends.should);
    } catch (error) {
      // Whether it is closed at all matters more than the code.
      if (!(error instanceof Violation) || error.level === undefined) throw error;
      weaker = error;
    }
  await until(subject, subject.timeout, () => subject.ended !== "open");
  if (subject.ended === "open")
    throw new Violation(`the server closes ${subject.name}'s connection`, "it is still open");
  if (ends === "fin" && subject.ended === "reset")
    throw new Violation(`the server closes ${subject.name}'s connection with a FIN`, "it was reset");
  if (weaker) throw weaker;
}

function endingOf(peer: TcpPeer | UdpPeer, context: Context): string {
  const code = context.sockets.find(({ tcp }) => tcp === peer)?.closeCode();
  const words = {
    open: "open",
    fin: "closed by the server",
    reset: "reset by the server",
    ours: "closed by the case",
  };
  return words[peer.ended] + (code === undefined ? "" : ` with code ${code}`);
}

async function closeAll(context: Context): Promise<void> {
  context.over = true;
  for (const peer of context.peers) peer.close();
  if (context.peers.some(({ kind }) => kind === "tcp")) await noticed(context.target);
}

/**
 * The server must notice the end of these before it sees the next case's connections: a server with a thread per
 * connection announces a leave when it gets to it. Where that can be observed, it has once it sleeps.
 */
async function noticed({ pid, ours }: Target): Promise<void> {
  await sleep(5);
  if (ours) return;
  if (pid === undefined || asleep(pid) === undefined) return sleep(30);
  const deadline = performance.now() + NOTICE_MS;
  for (let quiet = 0; quiet < 2 && performance.now() < deadline; await sleep(3))
    quiet = asleep(pid) ? quiet + 1 : 0;
}
