/** What a case throws: the server did not do it, or cannot be judged by it. */

/** RFC 2119's words; a FACT judges nobody, it tells what the platform does. */
export type Level = "MUST" | "SHOULD" | "MAY" | "FACT";

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
