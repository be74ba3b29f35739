/**
 * What a conformance case is: data and a sentence. The id never shifts, since it is written in the case; the
 * requirement says what a server has to do and the source says who asks for it.
 */
import type { Context } from "./context.ts";
import type { TimeName } from "./times.ts";
import type { Level } from "./violation.ts";

/**
 * How the subject's connection (the first one that a case opens) stands when the case is over. `open`: the
 * server has not touched it. `fin`: closed in order. `closed`: closed, by FIN or by reset. A list: a WebSocket
 * close frame with one of these codes, then closed; with `should`, another code or none is only not strict.
 * `any`: the case looks at it itself, or it does not matter.
 */
export type Ending = "open" | "fin" | "closed" | "any" | { codes: readonly number[]; should?: boolean };

export type Case = {
  /** `chat-bracket/2.3`: protocol, section, number. */
  id: string;
  title: string;
  /** One sentence with its level as its verb. */
  requirement: string;
  level: Level;
  /** Who asks for it: a page of docs/ or a section of an RFC. */
  source: string;
  /** `open` when it is not said. */
  ends?: Ending;
  /** Needs a server of its own, just started, or one whose standard input the case can write. */
  needs?: "fresh" | "console";
  /** A server's times in seconds that the case waits for: ours are started with shorter ones. */
  times?: readonly TimeName[];
  /** Maximum milliseconds it may take; 10,000 when it is not said. */
  bound?: number;
  /** It takes seconds or megabytes: the proof of mutants runs it only where it is to fail. */
  slow?: true;
  run: (t: Context) => Promise<void>;
};

export type Verdict = "pass" | "fail" | "not strict" | "informational" | "unsupported" | "error";

export type CaseResult = {
  id: string;
  title: string;
  requirement: string;
  source: string;
  verdict: Verdict;
  /** What was expected and what came instead; or why the case could not run. */
  expected?: string;
  actual?: string;
  /** What a FACT found. */
  found?: string[];
  /** How each connection stood at the end, by the peer's name. */
  endings: Record<string, string>;
  /** Why this deviation is known and stays: it is shown, and does not make the run a failure. */
  known?: string;
  /** It was not run, since the server served nobody any more, or never did. */
  notRun?: true;
  /** The server no longer served a fresh client after the case. */
  killed?: true;
  /** How often it was run, when more than once: the machine stood still in the runs before, which failed. */
  attempts?: number;
  milliseconds: number;
  /** Both directions, with times; only where the verdict is not a pass. */
  wire?: string[];
};

/** The result of a case of which nothing is known but what it asks for. */
export const blank = ({ id, title, requirement, source }: Case): CaseResult => ({
  id,
  title,
  requirement,
  source,
  verdict: "pass",
  endings: {},
  milliseconds: 0,
});

/** Whether a case found what it should not, or could not be run; `isWrong` says what that means for the run. */
export const deviates = ({ verdict }: Pick<CaseResult, "verdict">): boolean =>
  verdict === "fail" || verdict === "not strict" || verdict === "error";

/** Whether a result makes the run a failure: a MUST, or with `strict` a SHOULD, and no deviation that is known. */
export const isWrong = ({ verdict, known }: CaseResult, strict: boolean): boolean =>
  !known && (verdict === "fail" || (strict && verdict === "not strict"));
