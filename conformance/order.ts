/** Results come in the order of ids, also where cases run at the same time: two runs are compared line by line. */
import type { Case, CaseResult } from "./case.ts";

/** The sections and numbers of ids by their value: 1.4 before 1.10. */
export function compareIds(a: string, b: string): number {
  return numbers.compare(a, b);
}

const numbers = new Intl.Collator("en", { numeric: true });

/** Passes results on in the order of these cases: one that is early waits for those before it. */
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
    /** Passes on what still waits for cases of which no result will come. */
    end(): void {
      for (; next < cases.length; next++) passNext();
    },
  };
}
