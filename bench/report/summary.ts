/**
 * The figures of the run: medians over the valid samples of each variant, a table for each kind of load of a scenario.
 * Its columns are the metrics that were measured there and whose description has a place in the report.
 */

import { html, type Markup, table } from "../../pages/html.ts";
import { type CellSamples, lossOf, serverLabel, severalServers } from "../record/cells.ts";
import { AT_LEAST, figureOf } from "../record/figures.ts";
import type { Metric, Metrics } from "../record/metrics.ts";
import type { RunRecord } from "../record/record.ts";
import { NONE } from "../record/units.ts";
import type { Section } from "./section.ts";
import { describeValue } from "./units.ts";

/** A variant of which no sample counts has its row, too: what is discarded is said. */
const columnsOf = (groups: readonly CellSamples[], metrics: Metrics): Metric[] =>
  [...metrics.values()].filter(
    ({ key, shown }) =>
      shown !== "record" &&
      groups.some(({ samples }) => samples.some((sample) => sample.metrics[key] !== undefined)),
  );

/** A stream's losses are faults and no figure to compare; beside those of datagrams they are told all the same. */
const lossIn = (metric: Metric, samples: CellSamples["samples"]): number | undefined =>
  metric.key === "lossShare" && samples.some(({ counts }) => counts.expected !== undefined)
    ? lossOf(samples)
    : undefined;

const textOf = ({ samples, valid }: CellSamples, metric: Metric): string => {
  const { value = lossIn(metric, samples), atLeast } = figureOf(metric, samples, valid);
  return value === undefined ? NONE : (atLeast ? AT_LEAST : "") + describeValue(metric, value);
};

function tableOf(
  title: string,
  groups: CellSamples[],
  metrics: Metrics,
  several: boolean,
): Markup | undefined {
  const columns = columnsOf(groups, metrics);
  if (columns.length === 0) return undefined;
  return html`<h3>${title}</h3>${table(
    {
      head: ["variant", ...columns.map(({ heading }) => heading), "samples"],
      rows: groups.map((group) => [
        several ? `${group.variant} · ${serverLabel(group.server)}` : group.variant,
        ...columns.map((column) => textOf(group, column)),
        group.valid.length === group.samples.length
          ? String(group.samples.length)
          : html`<span class="doubtful">${group.valid.length} of ${group.samples.length}</span>`,
      ]),
    },
    true,
  )}`;
}

/** What is measured in an open loop and in a closed one has no figure in common. */
const loopOf = ({ samples: [{ parameters }] }: CellSamples): string =>
  typeof parameters.loop === "string" ? `, ${parameters.loop} loop` : "";

function tables(groups: readonly CellSamples[], metrics: Metrics, record: RunRecord): Markup[] {
  const kinds = Map.groupBy(groups, (group) => `${group.scenario}${loopOf(group)}`);
  return [...kinds].flatMap(([title, of]) => tableOf(title, of, metrics, severalServers(record)) ?? []);
}

export const summary: Section = {
  id: "figures",
  title: "Figures",
  render({ groups, metrics, record }) {
    const shown = tables(groups, metrics, record);
    if (shown.length === 0) return undefined;
    return html`<p>Medians over the valid samples; ${NONE} not measured, or too few values to support it; ${AT_LEAST.trim()} a lower bound, since the load generator was saturated and the server was not.</p>${shown}`;
  },
};
