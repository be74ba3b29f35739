/**
 * Conformance as a library: `await conform({ choice: ["chat-bracket"], target: "tcp://127.0.0.1:8080" })`.
 * Chooses cases and the server to judge, runs them, and reports; the command line only prints.
 */
import { join } from "node:path";
import type { Endpoint as Address, TlsTrust } from "../clients/endpoint.ts";
import { type ExitCode, exitCodes, Failure } from "../platform/failure.ts";
import { peerCommand } from "../servers/peers/index.ts";
import { blank, type Case, type CaseResult, isWrong, type Verdict } from "./case.ts";
import { commandProvider } from "./command.ts";
import { type Protocol, protocols } from "./protocols.ts";
import { matches, runCases } from "./runner.ts";
import { type Provider, parseUrl, platformItself, processProvider, runningTarget } from "./target.ts";
import type { TimeName } from "./times.ts";

export type { Case, CaseResult, Verdict } from "./case.ts";
export { protocols } from "./protocols.ts";

export const languages = ["bun", "go", "node"] as const;
export type Language = (typeof languages)[number];

export type ConformOptions = {
  /** Prefixes of ids, `chat-bracket/2`; none, or an empty list, is every case. */
  choice?: readonly string[];
  /** A server that runs: `tcp://host:port`, `ws://host:port/path` and the others of clients/endpoint.ts. */
  target?: string;
  /** Which certificates a `tls://` or `wss://` target may have. */
  trust?: TlsTrust;
  /** A command that starts the server that `target` names. */
  exec?: string;
  /** One of the implementations here, by its language; ours, in Bun, when nothing is said. */
  server?: Language;
  /** Another way to get servers: one for all chosen protocols. */
  provider?: Provider;
  /** Seconds of the target's own times, for the cases that wait for them; ours are started with them. */
  times?: Partial<Record<TimeName, number>>;
  /** What the target does not support: prefixes of ids, each with the reason. */
  unsupported?: Record<string, string>;
  /** Deviations that are known and stay: ids, each with the reason. They are shown, and fail no run. */
  known?: Record<string, string>;
  /** A SHOULD that is not kept counts as a failure. */
  strict?: boolean;
  /** Maximum milliseconds that one expectation waits. */
  timeout?: number;
  /** How many servers of our own at once. */
  workers?: number;
  onResult?: (result: CaseResult) => void;
  /** Told before the first case when a client that breaks no rule of the protocol is not served. */
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
/** Protocols at once: their cases wait far more than they compute. */
const PROTOCOLS_AT_ONCE = 3;
const ROOT = join(import.meta.dir, "..");

/** The chosen cases, by protocol; throws when nothing matches, since nothing run is no success. */
export function choose(asked: readonly string[] = []): { protocol: Protocol; cases: readonly Case[] }[] {
  // A protocol's name does as well as the beginning of its ids: chat/bracket/2 is chat-bracket/2.
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
    return cases.length > 0 ? [{ protocol, cases }] : [];
  });
  const unmatched = choice.findIndex(
    (prefix) => !chosen.some(({ cases }) => cases.some(({ id }) => matches(id, prefix))),
  );
  if (unmatched >= 0)
    throw new Failure(
      exitCodes.unreachable,
      `no case matches "${asked[unmatched]}": the protocols are ${protocols.map(({ slug }) => slug).join(", ")}; see --list`,
    );
  return chosen;
}

/** How one of the implementations here is started for a protocol; or why it cannot be. */
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

/** One at a time of each of `count` lanes. */
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
  const results = new Map<string, CaseResult[]>();
  try {
    // A command that cannot be started is told before the first case.
    if (options.exec) await given?.start({});
    await inParallel(chosen, PROTOCOLS_AT_ONCE, async ({ protocol, cases }) => {
      const provider = given ?? (await ownProvider(protocol, options.server ?? "bun", options.times));
      if ("unsupported" in provider) {
        results.set(
          protocol.slug,
          cases.map((one) => ({ ...blank(one), verdict: "unsupported", actual: provider.unsupported })),
        );
        return;
      }
      results.set(
        protocol.slug,
        await runCases(cases, {
          provider,
          health: protocol.health,
          workers: options.workers ?? WORKERS,
          timeout: options.timeout ?? TIMEOUT_MS,
          ...(options.unsupported ? { unsupported: options.unsupported } : {}),
          ...(options.onResult ? { onResult: options.onResult } : {}),
          onUnhealthy: (why) => options.onUnhealthy?.(protocol.name, why),
        }),
      );
    });
  } finally {
    await given?.stop?.();
  }
  const all = chosen.flatMap(({ protocol }) => results.get(protocol.slug) ?? []);
  for (const result of all) {
    const reason = options.known?.[result.id];
    if (reason && (result.verdict === "fail" || result.verdict === "not strict")) result.known = reason;
  }
  return {
    schema: "sockbench-conform/1",
    target: options.target ?? options.server ?? "bun",
    strict: options.strict ?? false,
    results: all,
    counts: countsOf(all),
  };
}

const targetProvider = (address: Address, { exec, times }: ConformOptions): Provider =>
  exec === undefined ? runningTarget(address, times) : commandProvider(exec, address, times);

function onlyOneProtocol(chosen: readonly { protocol: Protocol }[], { transport, url }: Address): void {
  if (chosen.length > 1)
    throw new Failure(
      exitCodes.usage,
      `--target ${url} speaks one protocol: name it, one of ${protocols
        .filter((protocol) => protocol.transport === transport)
        .map(({ slug }) => slug)
        .join(", ")}`,
    );
  const [{ protocol }] = chosen;
  if (protocol.transport !== transport)
    throw new Failure(
      exitCodes.usage,
      `--target ${url}: ${protocol.name} needs ${protocol.transport}, and this is ${transport}`,
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

/** What the report means for a shell: wrong, could not run, or well. */
export function exitCodeOf({ counts, strict, results }: ConformReport): ExitCode {
  if (results.some((result) => isWrong(result, strict))) return exitCodes.wrong;
  if (counts.error > 0 || results.length === counts.unsupported) return exitCodes.unreachable;
  return exitCodes.ok;
}
