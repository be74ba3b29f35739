/**
 * Conformance as a library: `await conform({ choice: ["chat-bracket"], target: "tcp://127.0.0.1:8080" })`.
 * Chooses the cases and the server to judge, runs them, and returns a report; the command line only prints.
 */
import { join } from "node:path";
import type { Endpoint as Address, TlsTrust } from "../clients/endpoint.ts";
import { type ExitCode, exitCodes, Failure } from "../platform/failure.ts";
import { peerCommand } from "../servers/peers/index.ts";
import { blank, type Case, type CaseResult, isWrong, type Verdict } from "./case.ts";
import { commandProvider } from "./command.ts";
import { compareIds, inOrder } from "./order.ts";
import { type Protocol, protocols } from "./protocols.ts";
import { matches, runCases } from "./runner.ts";
import { type Provider, parseUrl, platformItself, processProvider, runningTarget } from "./target.ts";
import type { TimeName } from "./times.ts";

export type { Case, CaseResult, Verdict } from "./case.ts";
export { protocols } from "./protocols.ts";

export const languages = ["bun", "go", "node"] as const;
export type Language = (typeof languages)[number];

export type ConformOptions = {
  /** Prefixes of ids, such as `chat-bracket/2`; none, or an empty list, selects every case. */
  choice?: readonly string[];
  /** A running server: `tcp://host:port`, `ws://host:port/path` and the others of clients/endpoint.ts. */
  target?: string;
  /** Which certificates a `tls://` or `wss://` target may have. */
  trust?: TlsTrust;
  /** A command that starts the server that `target` names. */
  exec?: string;
  /** One of the bundled servers, by its language; ours, in Bun, by default. */
  server?: Language;
  /** Another source of servers, for all chosen protocols. */
  provider?: Provider;
  /** The target's timeouts in seconds, for the cases that wait for them; ours are started with them. */
  times?: Partial<Record<TimeName, number>>;
  /** What the target does not support: prefixes of ids, each with the reason. */
  unsupported?: Record<string, string>;
  /** Known violations: ids, each with the reason. They are shown, and fail no run. */
  known?: Record<string, string>;
  /** A violated SHOULD is a failure. */
  strict?: boolean;
  /** Most milliseconds that one expectation waits. */
  timeout?: number;
  /** How many servers are started at once, where they are started here. */
  workers?: number;
  /** Called with each result, in the order of ids. */
  onResult?: (result: CaseResult) => void;
  /** Called before the first case when a well-behaved client of the protocol is not served. */
  onUnhealthy?: (protocol: string, why: string) => void;
};

export type ConformReport = {
  schema: "sockbench-conform/1";
  target: string;
  strict: boolean;
  results: CaseResult[];
  counts: Record<Verdict, number>;
};

export const TIMEOUT_MS = 2000;
const WORKERS = 4;
/** Protocols that run at once: their cases wait far more than they compute. */
const PROTOCOLS_AT_ONCE = 3;
const ROOT = join(import.meta.dir, "..");

/** The chosen cases, by protocol; throws when nothing matches, since running nothing is not a success. */
export function choose(asked: readonly string[] = []): { protocol: Protocol; cases: readonly Case[] }[] {
  // A protocol's name stands for the prefix of its ids: chat/bracket/2 is chat-bracket/2.
  const choice = asked.map((text) =>
    protocols
      .reduce((id, { name, slug }) => (id.startsWith(name) ? slug + id.slice(name.length) : id), text)
      .replace(/\/$/, ""),
  );
  const chosen = protocols.flatMap((protocol) => {
    const cases =
      choice.length === 0
        ? protocol.cases
        : protocol.cases.filter(({ id }) => choice.some((prefix) => matches(id, prefix)));
    return cases.length > 0 ? [{ protocol, cases: cases.toSorted((a, b) => compareIds(a.id, b.id)) }] : [];
  });
  const unmatched = choice.findIndex(
    (prefix) => !chosen.some(({ cases }) => cases.some(({ id }) => matches(id, prefix))),
  );
  if (unmatched >= 0)
    throw new Failure(
      exitCodes.unreachable,
      `no case matches "${asked[unmatched]}": expected one of: ${protocols.map(({ slug }) => slug).join(", ")}; see --list`,
    );
  return chosen;
}

/** How a bundled server is started for a protocol; or why it cannot be. */
export async function ownProvider(
  protocol: Protocol,
  language: Language,
  times?: ConformOptions["times"],
): Promise<Provider | { unsupported: string }> {
  if (protocol.transport === "none") return platformItself();
  const adjustments = { ...protocol, ...(times ? { times } : {}) };
  if (language === "bun") {
    const [file, ...flags] = protocol.server;
    return processProvider([process.execPath, join(ROOT, file), ...flags], adjustments);
  }
  const peer = await peerCommand(language, protocol.peer ?? protocol.name);
  return "command" in peer ? processProvider(peer.command, adjustments) : peer;
}

/** Runs all items, at most `count` at once. */
export async function inParallel<T>(
  items: readonly T[],
  count: number,
  run: (item: T) => Promise<void>,
): Promise<void> {
  const queue = [...items];
  const lane = async () => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await run(item);
  };
  await Promise.all(Array.from({ length: Math.min(count, items.length) }, lane));
}

export async function conform(options: ConformOptions = {}): Promise<ConformReport> {
  const chosen = choose(options.choice);
  const address = options.target === undefined ? undefined : parseUrl(options.target, options.trust);
  if (address) onlyOneProtocol(chosen, address);
  if (options.exec && !options.target)
    throw new Failure(exitCodes.usage, "--exec needs --target, the address at which the command answers");
  const given = options.provider ?? (address ? targetProvider(address, options) : undefined);
  const all: CaseResult[] = [];
  const results = inOrder(
    chosen.flatMap(({ cases }) => cases),
    (result) => {
      all.push(known(result, options.known));
      options.onResult?.(result);
    },
  );
  try {
    // A command that fails to start is reported before the first case.
    if (options.exec) await given?.start({});
    await inParallel(chosen, PROTOCOLS_AT_ONCE, async ({ protocol, cases }) => {
      const provider = given ?? (await ownProvider(protocol, options.server ?? "bun", options.times));
      if ("unsupported" in provider)
        for (const one of cases)
          results.add({ ...blank(one), verdict: "unsupported", actual: provider.unsupported });
      else
        await runCases(cases, {
          provider,
          health: protocol.health,
          workers: options.workers ?? WORKERS,
          timeout: options.timeout ?? TIMEOUT_MS,
          ...(options.unsupported ? { unsupported: options.unsupported } : {}),
          onResult: results.add,
          onUnhealthy: (why) => options.onUnhealthy?.(protocol.name, why),
        });
    });
  } finally {
    results.end();
    await given?.stop?.();
  }
  return {
    schema: "sockbench-conform/1",
    target: options.target ?? options.server ?? "bun",
    strict: options.strict ?? false,
    results: all,
    counts: countsOf(all),
  };
}

/** The result, with the reason where it is a known deviation. */
function known(result: CaseResult, reasons: ConformOptions["known"] = {}): CaseResult {
  const reason = reasons[result.id];
  if (reason && (result.verdict === "fail" || result.verdict === "not strict")) result.known = reason;
  return result;
}

const targetProvider = (address: Address, { exec, times }: ConformOptions): Provider =>
  exec === undefined ? runningTarget(address, times) : commandProvider(exec, address, times);

function onlyOneProtocol(chosen: readonly { protocol: Protocol }[], { transport, url }: Address): void {
  if (chosen.length > 1)
    throw new Failure(
      exitCodes.usage,
      `--target ${url} speaks one protocol: name it. Expected one of: ${protocols
        .filter((protocol) => protocol.transport === transport)
        .map(({ slug }) => slug)
        .join(", ")}`,
    );
  const [{ protocol }] = chosen;
  if (protocol.transport !== transport)
    throw new Failure(
      exitCodes.usage,
      `--target ${url}: ${protocol.name} runs over ${protocol.transport}, not ${transport}`,
    );
}

export function countsOf(results: readonly CaseResult[]): Record<Verdict, number> {
  const counts: Record<Verdict, number> = {
    pass: 0,
    fail: 0,
    "not strict": 0,
    informational: 0,
    unsupported: 0,
    error: 0,
  };
  for (const { verdict } of results) counts[verdict]++;
  return counts;
}

/** The exit code of a report: wrong, could not run, or well. */
export function exitCodeOf({ counts, strict, results }: ConformReport): ExitCode {
  if (results.some((result) => isWrong(result, strict))) return exitCodes.wrong;
  if (counts.error > 0 || results.length === counts.unsupported) return exitCodes.unreachable;
  return exitCodes.ok;
}
