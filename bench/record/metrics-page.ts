#!/usr/bin/env bun
/** docs/metrics.md, made from the descriptions: `bun bench/record/metrics-page.ts` writes it, a test compares it. */
import { metrics as builtIn, type Metric, type Metrics, type Shown, type Unit } from "./metrics.ts";

export const METRICS_PAGE = `${import.meta.dir}/../../docs/metrics.md`;

const units: Record<Unit, string> = {
  ns: "ns",
  "/s": "per second",
  "bytes/s": "bytes per second",
  bytes: "bytes",
  share: "0 to 1",
  count: "",
};

const places: Record<Shown, string> = {
  tested: "verdict, report",
  report: "report",
  record: "",
};

const row = ({ key, label, unit, better, class: kind, shown }: Metric): string =>
  `| \`${key}\` | ${label} | ${units[unit]} | ${better} | ${kind} | ${places[shown]} |`;

export const metricsPage = (metrics: Metrics = builtIn): string => `# Metrics

Every figure that a sample can have, by its key in the record's \`metrics\`. Made from
[bench/record/metrics.ts](../bench/record/metrics.ts) by \`bun bench/record/metrics-page.ts\`: change it there.

**Shown**: a figure with a *verdict* is tested by \`compare\` ([how](comparing.md)), as far as it says something of the
server: not the rate of an open loop, which was asked for, nor one at which the load generator was saturated. *Report* is
the report's table of figures. All others are in the record, and shown by \`compare --all\`. Any key can be given to
\`compare --history\`, and stand in the \`--objective\` of a search for capacity. **Class** is over what the geometric means
of a comparison are taken. A sample lacks a percentile that too few values support.

| key | what it is | unit | better | class | shown |
| --- | --- | --- | --- | --- | --- |
${[...metrics.values()].map(row).join("\n")}
`;

if (import.meta.main) await Bun.write(METRICS_PAGE, metricsPage());
