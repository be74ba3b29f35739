/** The figures of the run in one table: medians over the valid samples of each variant. */
import { type Group, groupBy, medianOf, severalServers } from "./data.ts";
import { html, table } from "./html.ts";
import type { Section, Source } from "./section.ts";
import { percent, rate, time } from "./units.ts";

type Column = { head: string; metrics: string[]; format: (value: number) => string };

const columns: Column[] = [
  { head: "rate achieved", metrics: ["achievedRate"], format: rate },
  { head: "verified", metrics: ["deliveryRate", "requestRate"], format: rate },
  { head: "p50", metrics: ["delivery.p50", "roundTrip.p50"], format: time },
  { head: "p99", metrics: ["delivery.p99", "roundTrip.p99"], format: time },
  { head: "last receiver p99", metrics: ["last.p99"], format: time },
  { head: "spread p99", metrics: ["spread.p99"], format: time },
  { head: "lost", metrics: ["lossShare"], format: percent },
  { head: "server CPU each", metrics: ["serverCpuPerDelivery", "serverCpuPerRequest"], format: time },
];

const cellOf = (group: Group, { metrics, format }: Column): string => {
  const value = metrics.map((metric) => medianOf(group, metric)).find((value) => value !== undefined);
  return value === undefined ? "–" : format(value);
};

function tableOf(scenario: string, groups: Group[], { record }: Source) {
  // A variant of which no sample counts has its row, too: what is left out is said.
  const has = (group: Group, { metrics: names }: Column) =>
    group.samples.some(({ metrics }) => names.some((name) => metrics[name] !== undefined));
  const used = columns.filter((column) => groups.some((group) => has(group, column)));
  if (used.length === 0) return undefined;
  const several = severalServers(record);
  return html`<h3>${scenario}</h3>${table(
    {
      head: ["variant", ...used.map(({ head }) => head), "samples"],
      rows: groups.map((group) => [
        several ? `${group.variant} · ${group.server}` : group.variant,
        ...used.map((column) => cellOf(group, column)),
        group.valid.length === group.samples.length
          ? String(group.samples.length)
          : html`<span class="doubtful">${group.valid.length} of ${group.samples.length}</span>`,
      ]),
    },
    true,
  )}`;
}

export const summary: Section = {
  id: "figures",
  title: "Figures",
  render(source) {
    const tables = groupBy(source.groups, ({ scenario }) => scenario).flatMap(
      ([scenario, groups]) => tableOf(scenario, groups, source) ?? [],
    );
    if (tables.length === 0) return undefined;
    return html`<p>Medians over the samples that count. A dash: not measured, or too few values for it.</p>${tables}`;
  },
};
