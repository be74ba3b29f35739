/** How samples become the rows of a table: grouped by what they measured, the valid ones summarized. */
import type { Sample } from "../record/record.ts";

/** Rows of the samples' groups, in the order in which they first came. */
export function groups(samples: Sample[]): { key: string; samples: Sample[] }[] {
  const servers = new Set(samples.map(({ server }) => server)).size > 1;
  const map = Map.groupBy(samples, ({ variant, server }) => (servers ? `${variant} ${server}` : variant));
  return [...map].map(([key, samples]) => ({ key, samples }));
}

/** The samples that broke no rule of validity. */
export const validOf = (samples: Sample[]): Sample[] => samples.filter(({ invalid }) => invalid.length === 0);

/** The samples that a row's figures are of: the valid ones, or, marked, all when there is none. */
export function summarized(samples: Sample[]): { valid: Sample[]; shown: Sample[]; mark: string } {
  const valid = validOf(samples);
  return valid.length > 0 ? { valid, shown: valid, mark: "" } : { valid, shown: samples, mark: " ?" };
}
