/**
 * What a conformance case is: a requirement as data. The id is written in the case, so it never shifts; the
 * requirement names what can be observed from outside, and the source says where it comes from.
 */
import type { Context } from "./context.ts";
import type { CaseResult } from "./result.ts";
import type { TimeName } from "./times.ts";
import type { Level } from "./violation.ts";

export type { CaseResult, Verdict } from "./result.ts";

/**
 * How the subject's connection (the first one that a case opens) has ended when the case is over. `open`: the
 * server has not closed it. `fin`: closed with a FIN. `closed`: closed, by FIN or by reset. A list: a WebSocket
 * close frame with one of these codes, then closed; with `should`, another code or none is only not strict.
 * `any`: the case checks it itself, or it does not matter.
 */
export type Ending = "open" | "fin" | "closed" | "any" | { codes: readonly number[]; should?: boolean };

export type Case = {
  /** `chat-bracket/2.3`: protocol, section, number. */
  id: string;
  title: string;
  /** One sentence with its level, about what can be observed from outside. */
  requirement: string;
  level: Level;
  /** Where it is required: a page of docs/ or a section of an RFC. */
  source: string;
  /** `open` by default. */
  ends?: Ending;
  /** It needs a freshly started server, or one whose standard input the case can write to. */
  needs?: "fresh" | "console";
  /** Timeouts of the server, in seconds, that the case waits for: ours are started with shorter ones. */
  times?: readonly TimeName[];
  /** Most milliseconds it may take; 10,000 by default. */
  bound?: number;
  /** It takes seconds or megabytes: of the mutants only those that must fail it run it. */
  slow?: true;
  run: (t: Context) => Promise<void>;
};

/** The result of a case that has not run yet. */
export const blank = ({ id, title, requirement, source }: Case): CaseResult => ({
  id,
  title,
  requirement,
  source,
  verdict: "pass",
  endings: {},
  milliseconds: 0,
});

/** Whether a case found a violation, or could not run; `isWrong` says what that means for the run. */
export const deviates = ({ verdict }: Pick<CaseResult, "verdict">): boolean =>
  verdict === "fail" || verdict === "not strict" || verdict === "error";

/** Whether a result makes the run a failure: a violated MUST, or with `strict` SHOULD, that is not a known one. */
export const isWrong = ({ verdict, known }: CaseResult, strict: boolean): boolean =>
  !known && (verdict === "fail" || (strict && verdict === "not strict"));
