/** Results in the order of ids, although cases run concurrently: so that two runs can be compared line by line. */
import type { Case, CaseResult } from "./case.ts";

/** Compares ids by protocol, section and number, numerically: 1.4 before 1.10. */
export function compareIds(a: string, b: string): number {
  return numbers.compare(a, b);
}

const numbers = new Intl.Collator("en", { numeric: true });

/** Passes results on in the order of these cases: an early one waits for the ones before it. */
export function inOrder(cases: readonly Case[], pass: (result: CaseResult) => void) {
  const early = new Map<string, CaseResult>();
  let next = 0;
  const passNext = (): boolean => {
    const result = early.get(cases[next]?.id);
    if (result) pass(result);
    return result !== undefined;
  };
  return {
    add(result: CaseResult): void {
      early.set(result.id, result);
      while (passNext()) early.delete(cases[next++].id);
    },
    /** Passes on what still waits for cases that will have no result. */
    end(): void {
      for (; next < cases.length; next++) passNext();
    },
  };
}
