/** What comes out of a case: as it is printed, as JSON has it, and as the library returns it. */

export type Verdict = "pass" | "fail" | "not strict" | "informational" | "unsupported" | "error";

export type CaseResult = {
  id: string;
  title: string;
  requirement: string;
  source: string;
  verdict: Verdict;
  /** What was expected and what was received instead; or why the case could not run. */
  expected?: string;
  actual?: string;
  /** What a FACT found. */
  found?: string[];
  /** How each connection had ended, by the peer's name. */
  endings: Record<string, string>;
  /** Why this violation is a known one: it is shown, and fails no run. */
  known?: string;
  /** It was not run, since the server had stopped serving, or never did. */
  notRun?: true;
  /** The server no longer served a new client after the case. */
  killed?: true;
  /** How often it was run, when more than once: earlier runs failed while the host stalled. */
  attempts?: number;
  milliseconds: number;
  /** Both directions, with times; only for a violation. */
  wire?: string[];
};
