/**
 * Whether a value holds, from as many samples of it as that takes. What was met is met: no machine makes a server faster
 * than it is. A miss counts only with evidence that it was no pause of the machine's; without, it is taken again.
 */
import type { Verdict } from "./search.ts";

/** What one sample says. */
export type Finding = {
  met: boolean;
  /** What shows that a miss is the server's or the load generator's: none where it met. */
  evidence: Evidence[];
  /** Of a miss: whether the machine was seen to be in the way, or its own tail hides what is asked. */
  hidden: boolean;
  /** Though hidden: whether it fell behind while server and load generator had time to spare. */
  suspect?: boolean;
  /** Whether even its median hides it: no other sample will say more. */
  hopeless?: boolean;
};

/** `words` for whoever reads the steps afterwards. */
export type Evidence = { kind: EvidenceKind | string; words: string };
export type EvidenceKind =
  | "server full"
  | "generator full"
  | "rate not reached"
  | "behind"
  | "queue"
  /** Most of it was late, and no later at the end: the machine may be no faster. */
  | "late"
  | "wrong"
  /** Missed again and again while the machine was seen to be quiet. */
  | "tail";

/** Samples of one question, at most. */
export const MOST_SAMPLES = 6;
/** So many misses beside which the machine was quiet are the server's own. */
const QUIET_MISSES = 3;
/** A pause makes a queue grow or shrink, as it falls; one that grew in so many samples did so by itself. */
const SUSPECTS = 4;

export type Asked<F extends Finding> = { verdict: Verdict; findings: F[] };

/** Asks `measure` until its findings decide; `more` says whether there is time for another. */
export async function ask<F extends Finding>(
  measure: () => Promise<F>,
  more: () => boolean = () => true,
): Promise<Asked<F>> {
  const findings: F[] = [];
  for (;;) {
    const finding = await measure();
    findings.push(finding);
    if (finding.met) return { verdict: "held", findings };
    const quiet = findings.filter(({ hidden }) => !hidden).length;
    const counts = !finding.hidden && (finding.evidence.length > 0 || quiet === QUIET_MISSES);
    const again = findings.filter(({ suspect }) => suspect).length === SUSPECTS;
    if (counts || again) return { verdict: "failed", findings };
    if (finding.hopeless || findings.length === MOST_SAMPLES || !more())
      return { verdict: "unjudged", findings };
  }
}
