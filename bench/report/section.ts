/** What a section of the report is: it gets what was read, and gives markup or, of nothing to say, nothing. */

import type { Markup } from "../../pages/html.ts";
import type { CellSamples } from "../record/cells.ts";
import { metrics as builtIn, type Metrics } from "../record/metrics.ts";
import type { RunRecord } from "../record/record.ts";
import { fullName, groupsOf } from "./data.ts";

export type Source = {
  /** The run that the report is about. */
  record: RunRecord;
  /** Its samples, by what compares. */
  groups: CellSamples[];
  /** All the runs that were given, oldest first; `record` is the last. */
  history: RunRecord[];
  /** The figures that are known. */
  metrics: Metrics;
  /** What a group is called here: with the server's name where there are several. */
  name: (group: CellSamples) => string;
};

export type Section = {
  id: string;
  title: string;
  render: (source: Source) => Markup | undefined;
};

/** The last of the runs is what the report is about. */
export function sourceOf(history: RunRecord[], metrics = builtIn): Source {
  const record = history[history.length - 1];
  return { record, history, metrics, groups: groupsOf(record), name: (group) => fullName(group, record) };
}
