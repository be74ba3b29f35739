/**
 * Runs cases against servers: one after another on one server, as many servers at once as there are workers.
 * After each case a fresh client that breaks no rule checks that the server still serves.
 */

import { PAUSE_MS, watchPauses } from "../platform/pauses.ts";
import { asleep } from "../platform/proc.ts";
import { blank, type Case, type CaseResult, deviates, type Ending } from "./case.ts";
import { type Context, createContext } from "./context.ts";
import { sleep, type TcpPeer, type UdpPeer, until } from "./peer.ts";
import { type Servers, serversOf } from "./servers-of.ts";
import type { Provider, Target } from "./target.ts";
import { quotable, Unsupported, Violation } from "./violation.ts";
import { linesOf } from "./wire-log.ts";
import { closedWith } from "./ws-peer.ts";

const BOUND_MS = 10_000;
/** How often a case is run at most, when the machine stood still in the runs that failed. */
const ATTEMPTS = 3;
/** A running server that did not serve a client that breaks no rule is given up when so many cases failed. */
const HOPELESS_CASES = 5;
/** How long a server may take to notice that a case's connections have gone. */
const NOTICE_MS = 500;

export type RunOptions = {
  provider: Provider;
  /** A client that breaks no rule: what it does must always work. */
  health: (t: Context) => Promise<void>;
  /** How many servers, and so cases, at once. */
  workers: number;
  /** Maximum milliseconds that one expectation waits. */
  timeout: number;
  /** How often a case that failed while the machine stood still is run at most. */
  attempts?: number;
  /** What the target is declared not to support: prefixes of ids, with the reason. */
  unsupported?: Record<string, string>;
  onResult?: (result: CaseResult) => void;
  /** Told before the first case when a client that breaks no rule is not served, and what it missed. */
  onUnhealthy?: (why: string) => void;
};

type Verdict = Pick<CaseResult, "verdict" | "expected" | "actual">;

/** All results, in the order of the cases. */
export async function runCases(cases: readonly Case[], options: RunOptions): Promise<CaseResult[]> {
  const { provider } = options;
  const results = new Map<Case, CaseResult>();
  // A healthy start is asked for once: a server that never served cannot be said to have been killed.
  const trouble = await troubleAtStart(options);
  const queue = inOrder(cases, provider);
  const keep = (one: Case, result: CaseResult) => {
    results.set(one, result);
    options.onResult?.(result);
  };
  const worker = async () => {
    const servers = serversOf(provider);
    for (let one = queue.shift(); one; one = queue.shift()) {
      const reason = declared(one, options);
      const result = reason
        ? { ...blank(one), verdict: "unsupported" as const, actual: reason }
        : await runSteadily(one, servers, options, trouble === undefined);
      keep(one, result);
      const gone = servers.gone();
      const actual = gone
        ? `the server serves nobody any more, since ${result.id}${gone.why && `: ${gone.why}`}`
        : trouble !== undefined && isHopeless(provider, [...results.values()])
          ? "the server does not serve a client that keeps every rule of the protocol"
          : undefined;
      if (actual !== undefined)
        for (const one of queue.splice(0))
          keep(one, { ...blank(one), verdict: "error", notRun: true, actual });
    }
    await servers.stop();
  };
  const workers = provider.own ? Math.min(options.workers, cases.length) : 1;
  await Promise.all(Array.from({ length: workers }, worker));
  return cases.flatMap((one) => results.get(one) ?? []);
}

/** What needs a start of its own comes last where the address is one: a start that fails leaves nothing behind it. */
function inOrder(cases: readonly Case[], { restart }: Provider): Case[] {
  if (!restart) return [...cases];
  return [...cases.filter(({ needs }) => !needs), ...cases.filter(({ needs }) => needs)];
}

const isHopeless = ({ own }: Provider, results: readonly CaseResult[]): boolean =>
  !own &&
  results.length >= HOPELESS_CASES &&
  results.every(({ verdict }) => verdict !== "pass" && verdict !== "informational");

/** A failure in which the machine stood still is no verdict: the case is run again. */
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

function declared({ id, needs }: Case, { unsupported = {}, provider }: RunOptions): string | undefined {
  const prefix = Object.keys(unsupported).find((prefix) => matches(id, prefix));
  if (prefix !== undefined) return unsupported[prefix];
  if (provider.own || provider.restart || needs === undefined) return undefined;
  return needs === "fresh"
    ? "it needs a server that has just been started, and this one was running already"
    : "it needs the server's standard input";
}

/** Whether an id belongs to a prefix: `chat-bracket/2` is the section, never `chat-bracket/20`. */
export function matches(id: string, prefix: string): boolean {
  return id === prefix || (id.startsWith(prefix) && /[/.]/.test(id[prefix.length]));
}

/** What a client that breaks no rule misses before any case could have done harm. */
async function troubleAtStart(options: RunOptions): Promise<string | undefined> {
  let target: Target | undefined;
  try {
    target = await options.provider.start({});
    const trouble = await troubleOf(target, options);
    if (trouble !== undefined) options.onUnhealthy?.(trouble);
    return trouble;
  } catch (error) {
    return String(error); // it does not start: each case says so
  } finally {
    await target?.stop();
  }
}

/** What a fresh client that breaks no rule misses; undefined when it is served. */
async function troubleOf(target: Target, { health, timeout }: RunOptions): Promise<string | undefined> {
  const context = createContext(target, timeout);
  try {
    await within(timeout * 2, () => health(context));
    return target.alive() ? undefined : "the server has ended";
  } catch (error) {
    // What cannot be judged over this transport is said by each case.
    if (error instanceof Unsupported) return undefined;
    return error instanceof Error ? error.message : String(error);
  } finally {
    await closeAll(context);
  }
}

async function within(milliseconds: number, run: () => Promise<void>): Promise<void> {
  const stop = new AbortController();
  const timer = sleep(milliseconds, undefined, { signal: stop.signal }).then(() => {
    throw new Violation(`the case ends within ${milliseconds} ms`, "it does not");
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
    result.expected ??= "the server still serves a fresh client afterwards";
    const end = target.lastWords?.();
    result.actual = `${before}it does not serve a fresh client any more${end ? `: ${quotable(end)}` : ""}`;
  }
  result.milliseconds = performance.now() - started;
  if (result.verdict === "fail" || result.verdict === "not strict") result.wire = linesOf(context.log);
  return result;
}

/** Whoever says that a server's times are longer waits longer for them. */
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

/** The second verdict of a case: how the connections stand when it is over. */
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
      // Whether it is closed at all weighs more than with which code.
      if (!(error instanceof Violation) || error.level === undefined) throw error;
      weaker = error;
    }
  await until(subject, subject.timeout, () => subject.ended !== "open");
  if (subject.ended === "open")
    throw new Violation(`the server closes ${subject.name}'s connection`, "it is still open");
  if (ends === "fin" && subject.ended === "reset")
    throw new Violation(`the server closes ${subject.name}'s connection by FIN`, "it was reset");
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
 * The server is to notice the end of these before it sees the next case's connections: one with a thread for
 * each connection tells the room of a leave when it comes to it. Where it can be seen, it has when it sleeps.
 */
async function noticed({ pid, ours }: Target): Promise<void> {
  await sleep(5);
  if (ours) return;
  if (pid === undefined || asleep(pid) === undefined) return sleep(30);
  const deadline = performance.now() + NOTICE_MS;
  for (let quiet = 0; quiet < 2 && performance.now() < deadline; await sleep(3))
    quiet = asleep(pid) ? quiet + 1 : 0;
}
