/**
 * Conformance as a function. What it takes and returns needs no types of Bun's, so that a user's compiler need not know
 * those: nothing here may import what does (testing/package.test.ts).
 */
import type { TlsTrust } from "../clients/endpoint.ts";
import type { ServerSource } from "../targets/server.ts";
import { conform as run } from "./index.ts";
import type { CaseResult, Verdict } from "./result.ts";
import type { TimeName } from "./times.ts";

export type ConformOptions = {
  /** Prefixes of ids, such as `chat-bracket/2`; none, or an empty list, selects every case. */
  choice?: readonly string[];
  /** The protocol whose cases are meant, by its name or as a file: `choice` may then be numbers alone, such as `2.3`. */
  protocol?: string;
  /** A running server: `tcp://host:port`, `ws://host:port/path` and the others of clients/endpoint.ts. */
  target?: string;
  /** Which certificates a `tls://` or `wss://` target may have. */
  trust?: TlsTrust;
  /** A command that starts the server that `target` names. */
  exec?: string;
  /** As `--server` has it: a bundled implementation (`bun` by default), a name in targets.json, `name=command`. */
  server?: string;
  /** Another source of servers, for all chosen protocols. */
  source?: ServerSource;
  /** The target's timeouts in seconds, for the cases that wait for them; ours are started with them. */
  times?: Partial<Record<TimeName, number>>;
  /** What the target does not support: prefixes of ids, each with the reason. */
  unsupported?: Record<string, string>;
  /** Known violations: ids, each with the reason. They are shown, and fail no run. */
  known?: Record<string, string>;
  /** A violated SHOULD is a failure. */
  strict?: boolean;
  /** Maximum milliseconds that one expectation waits. */
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

/**
 * Runs cases against a server, and returns each case's result.
 *
 * @throws Failure with the program's exit code: no such case, the target cannot be reached
 * @example
 * const { counts } = await conform({ choice: ["chat-bracket"], target: "tcp://127.0.0.1:8080" });
 */
export const conform: (options?: ConformOptions) => Promise<ConformReport> = run;
