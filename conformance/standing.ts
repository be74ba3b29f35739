/** The sign, title and meaning of each verdict: the same in the terminal and on the page. */
import type { CaseResult, Verdict } from "./case.ts";

/** A verdict, or `known` for a violation that is declared as such. */
export type Standing = Verdict | "known";

type Description = { standing: Standing; sign: string; title: string; means: string };

/** All of them, worst first. */
export const standings: readonly Description[] = [
  { standing: "fail", sign: "✗", title: "Failed", means: "a MUST was violated" },
  { standing: "error", sign: "!", title: "Errors", means: "the case could not run" },
  { standing: "not strict", sign: "~", title: "Not strict", means: "a SHOULD was violated" },
  { standing: "known", sign: "≈", title: "Known deviations", means: "declared in the targets file" },
  { standing: "unsupported", sign: "-", title: "Unsupported", means: "cannot be judged" },
  { standing: "informational", sign: "i", title: "Informational", means: "a MAY, or a fact about this host" },
  { standing: "pass", sign: "✓", title: "Passed", means: "the requirement was met" },
];

export const standingOf = ({ verdict, known }: Pick<CaseResult, "verdict" | "known">): Standing =>
  known ? "known" : verdict;

/** 0 for the worst. */
export const rankOf = (standing: Standing): number => standings.findIndex((one) => one.standing === standing);

export const signOf = (standing: Standing): string => standings[rankOf(standing)].sign;
