/**
 * What a conformance case is: data and a sentence. The id never shifts, since it is written in the case; the
 * requirement says what a server has to do and the source says who asks for it.
 */
import type { Context } from "./context.ts";

/** RFC 2119's words; a FACT judges nobody, it tells what the platform does. */
export type Level = "MUST" | "SHOULD" | "MAY" | "FACT";

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
  /** Most milliseconds it may take; 10,000 when it is not said. */
  bound?: number;
  /** It takes seconds or megabytes: the proof of mutants runs it only where it is to fail. */
  slow?: true;
  run: (t: Context) => Promise<void>;
};

/** The times that servers have flags for: name, the flag, the time ours gets in tests, and the sheet's own. */
export const serverTimes = {
  idle: { flag: "--idle-timeout", ours: 1, sheet: 30 },
  forget: { flag: "--forget-after", ours: 1, sheet: 60 },
  ping: { flag: "--ping-interval", ours: 0.3, sheet: 54 },
  pong: { flag: "--idle-timeout", ours: 1.5, sheet: 60 },
  handshake: { flag: "", ours: 5, sheet: 5 },
} as const;

export type TimeName = keyof typeof serverTimes;

/** The server did not do what the case asks for. */
export class Violation extends Error {
  constructor(
    readonly expected: string,
    readonly actual: string,
    /** A weaker level than the case's own: the MUST was kept, a SHOULD was not. */
    readonly level?: Level,
  ) {
    super(`expected ${expected}, but ${actual}`);
    this.name = "Violation";
  }
}

/** The target cannot be judged by this case, for a reason that was probed or declared. */
export class Unsupported extends Error {
  override name = "Unsupported";
}

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
  /** The server no longer served a fresh client after the case. */
  killed?: true;
  /** How often it was run, when more than once: the machine stood still in the runs before, which failed. */
  attempts?: number;
  milliseconds: number;
  /** Both directions, with times; only where the verdict is not a pass. */
  wire?: string[];
};

/** Whether a result makes the run a failure: a MUST, or with `strict` a SHOULD, and no deviation that is known. */
export const isWrong = ({ verdict, known }: CaseResult, strict: boolean): boolean =>
  !known && (verdict === "fail" || (strict && verdict === "not strict"));
