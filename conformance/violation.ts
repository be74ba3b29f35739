/** What a case throws: the server violated the requirement, or cannot be judged by it. */
import { printable } from "../platform/printable.ts";

/** RFC 2119's levels; a FACT judges no server, it reports what the platform does. */
export type Level = "MUST" | "SHOULD" | "MAY" | "FACT";

/** Most characters of what was expected or received: enough to see what is wrong, whatever a server sends. */
const MAX_WORDS = 1500;

/** Text that may quote what a server has sent, made safe for a terminal, a report and a page. */
export const quotable = (words: string): string =>
  words.length > MAX_WORDS ? `${printable(words.slice(0, MAX_WORDS))}…` : printable(words);

/** The server violated the requirement of the case. */
export class Violation extends Error {
  readonly expected: string;
  readonly actual: string;
  constructor(
    expected: string,
    actual: string,
    /** A weaker level than the case's own: the MUST was met, a SHOULD was not. */
    readonly level?: Level,
  ) {
    super(`expected ${quotable(expected)}, but ${quotable(actual)}`);
    this.name = "Violation";
    this.expected = quotable(expected);
    this.actual = quotable(actual);
  }
}

/** The target cannot be judged by this case, for a reason that was detected or declared. */
export class Unsupported extends Error {
  override name = "Unsupported";
}
