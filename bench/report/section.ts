/** What a section of the report is: it gets what was read, and gives markup or, of nothing to say, nothing. */
import type { RunRecord } from "../record/record.ts";
import { fullName, type Group, groupsOf } from "./data.ts";
import type { Markup } from "./html.ts";

export type Source = {
  /** The run that the report is about. */
  record: RunRecord;
  /** Its samples, by what compares. */
  groups: Group[];
  /** All the runs that were given, oldest first; `record` is the last. */
  history: RunRecord[];
  /** What a group is called here: with the server's name where there are several. */
  name: (group: Group) => string;
};

export type Section = {
  id: string;
  title: string;
  render: (source: Source) => Markup | undefined;
};

/** The last of the runs is what the report is about. */
export function sourceOf(history: RunRecord[]): Source {
  const record = history[history.length - 1];
  return { record, history, groups: groupsOf(record), name: (group) => fullName(group, record) };
}
