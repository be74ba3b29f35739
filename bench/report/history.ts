/** One figure of each variant over all the runs that were given. */

import { html } from "../../pages/html.ts";
import { cellKey, median, valuesOf } from "../record/cells.ts";
import { headlineOf, type Metric } from "../record/metrics.ts";
import { isValid } from "../record/validity.ts";
import { type Chart, color, type Frame, grid, logScale, type Plot } from "./chart.ts";
import { samplePoints, seriesLine } from "./marks.ts";
import type { Section, Source } from "./section.ts";
import { describeValue, moment } from "./units.ts";

/** Runs stand at even distances: a week without one says nothing about the server. */
type Point = { run: number; value: number; valid: boolean; words: string };
type Step = { run: number; value: number; of: number };

function draw(
  points: Point[],
  steps: Step[],
  metric: Metric,
  runs: number,
  { narrow }: Frame,
): Plot.PlotOptions {
  return {
    height: 220,
    marginLeft: 58,
    marginBottom: 38,
    marginRight: 20,
    x: {
      domain: [0.5, runs + 0.5],
      ticks: Array.from({ length: runs }, (_, i) => i + 1).filter(
        (run) => runs <= (narrow ? 10 : 20) || run % Math.ceil(runs / 10) === 0,
      ),
      tickFormat: String,
      label: "run, oldest first →",
    },
    y: logScale(
      points.map(({ value }) => value),
      (value) => describeValue(metric, value),
      null,
    ),
    marks: [seriesLine(steps, "run", "value", 0), ...samplePoints(points, "run", "value", color(0))],
  };
}

function charts({ history, groups, name, metrics }: Source): Chart[] {
  return groups.flatMap((group) => {
    const metric = headlineOf(group.samples, metrics);
    if (!metric) return [];
    const runs = history.map((record) =>
      record.samples.filter((sample) => cellKey(sample) === cellKey(group)),
    );
    const points: Point[] = runs.flatMap((samples, i) =>
      samples.flatMap((sample) => {
        const value = sample.metrics[metric.key];
        return value === undefined || value <= 0
          ? []
          : [
              {
                run: i + 1,
                value,
                valid: isValid(sample),
                words: `${moment(history[i].startedAt)}: ${describeValue(metric, value)}`,
              },
            ];
      }),
    );
    const steps: Step[] = runs.flatMap((samples, i) => {
      const values = valuesOf(samples.filter(isValid), metric.key);
      const value = median(values);
      return value === undefined ? [] : [{ run: i + 1, value, of: values.length }];
    });
    if (new Set(points.map(({ run }) => run)).size < 2) return [];
    const said =
      steps.length > 1
        ? `from ${describeValue(metric, steps[0].value)} to ${describeValue(metric, steps[steps.length - 1].value)}`
        : "too few valid samples for a line";
    return [
      {
        title: name(group),
        sentence: `${metric.label}, median of each run`,
        label: `${metric.label} of ${name(group)} over ${history.length} runs: ${said}.`,
        draw: (frame) => draw(points, steps, metric, history.length, frame),
        small: true,
        data: {
          head: ["run", "started", "median", "samples"],
          rows: steps.map(({ run, value, of }) => [
            String(run),
            moment(history[run - 1].startedAt),
            describeValue(metric, value),
            String(of),
          ]),
        },
      },
    ];
  });
}

export const history: Section = {
  id: "history",
  title: "History",
  render(source) {
    if (source.history.length < 2) return undefined;
    const all = charts(source);
    if (all.length === 0) return undefined;
    const machines = new Set(
      source.history.map(({ environment }) => `${environment.cpu} ${environment.cores} ${environment.bun}`),
    );
    return html`<p>${source.history.length} runs, ${moment(source.history[0].startedAt)} to ${moment(source.record.startedAt)}.
<b>Look for</b> a step that stays: a single run that stands out is noise until the next one repeats it.${
      machines.size > 1 &&
      " Not all were made on the same machine and Bun: a step between them says nothing of the server."
    }</p>${grid(all)}`;
  },
};
