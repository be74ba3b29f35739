/** One figure of each variant over all the runs that were given. */

import { html } from "../../pages/html.ts";
import { changeWords, historyOf, MARKS_MEAN } from "../compare/history.ts";
import { type CellId, cellKey, median, valuesOf } from "../record/cells.ts";
import { headlineOf, type Metric, type Metrics } from "../record/metrics.ts";
import type { RunRecord } from "../record/record.ts";
import { isValid } from "../record/validity.ts";
import { type Chart, color, type Frame, grid, ink, logScale, Plot } from "./chart.ts";
import { samplePoints, seriesLine } from "./marks.ts";
import type { Section, Source } from "./section.ts";
import { describeValue, moment } from "./units.ts";

/** Runs stand at even distances: a week without one says nothing about the server. */
type Point = { run: number; value: number; valid: boolean; words: string };
type Step = { run: number; value: number; of: number };
/** A change of the level: the first run after it, and how it is said. */
type Change = { run: number; words: string };

type Drawn = { points: Point[]; steps: Step[]; changes: Change[]; metric: Metric; runs: number };

function draw({ points, steps, changes, metric, runs }: Drawn, { narrow }: Frame): Plot.PlotOptions {
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
    marks: [
      Plot.ruleX(changes, {
        x: ({ run }: Change) => run - 0.5,
        stroke: ink.text,
        strokeDasharray: "4 3",
        title: "words",
      }),
      seriesLine(steps, "run", "value", 0),
      ...samplePoints(points, "run", "value", color(0)),
    ],
  };
}

/** Where the figure changed; the runs hold samples of one cell. */
function changesOf(runs: readonly RunRecord[], metric: Metric, metrics: Metrics): Change[] {
  const [line] = historyOf(runs, metric.key, metrics);
  return (line?.changes ?? []).map((change) => ({
    run: runs.findIndex(({ id }) => id === line.points[change.at].record) + 1,
    words: changeWords(change, metric),
  }));
}

const pointsOf = (runs: readonly RunRecord[], metric: Metric): Point[] =>
  runs.flatMap(({ samples, startedAt }, i) =>
    samples
      .filter(({ metrics }) => metrics[metric.key] > 0)
      .map((sample) => ({
        run: i + 1,
        value: sample.metrics[metric.key],
        valid: isValid(sample),
        words: `${moment(startedAt)}: ${describeValue(metric, sample.metrics[metric.key])}`,
      })),
  );

const stepsOf = (runs: readonly RunRecord[], metric: Metric): Step[] =>
  runs.flatMap(({ samples }, i) => {
    const values = valuesOf(samples.filter(isValid), metric.key);
    const value = median(values);
    return value === undefined ? [] : [{ run: i + 1, value, of: values.length }];
  });

/** The runs with the samples of one cell alone. */
const runsOf = (history: readonly RunRecord[], cell: CellId): RunRecord[] =>
  history.map((record) => ({
    ...record,
    samples: record.samples.filter((sample) => cellKey(sample) === cellKey(cell)),
  }));

function chartOf(runs: readonly RunRecord[], title: string, metric: Metric, metrics: Metrics): Chart[] {
  const points = pointsOf(runs, metric);
  if (new Set(points.map(({ run }) => run)).size < 2) return [];
  const steps = stepsOf(runs, metric);
  const changes = changesOf(runs, metric, metrics);
  const marked = changes.map(({ run, words }) => ` Changed at run ${run}: ${words}.`).join("");
  const said =
    steps.length > 1
      ? `from ${describeValue(metric, steps[0].value)} to ${describeValue(metric, steps[steps.length - 1].value)}`
      : "too few valid samples for a line";
  return [
    {
      title,
      sentence: `${metric.label}, median of each run.${marked}`,
      label: `${metric.label} of ${title} over ${runs.length} runs: ${said}.${marked}`,
      draw: (frame) => draw({ points, steps, changes, metric, runs: runs.length }, frame),
      small: true,
      data: {
        head: ["run", "started", "median", "samples", "changed"],
        rows: steps.map(({ run, value, of }) => [
          String(run),
          moment(runs[run - 1].startedAt),
          describeValue(metric, value),
          String(of),
          changes.find((change) => change.run === run)?.words ?? "",
        ]),
      },
    },
  ];
}

const charts = ({ history, groups, name, metrics }: Source): Chart[] =>
  groups.flatMap((group) => {
    const metric = headlineOf(group.samples, metrics);
    return metric ? chartOf(runsOf(history, group), name(group), metric, metrics) : [];
  });

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
<b>Look for</b> a dashed line: there the level changed. ${MARKS_MEAN} A single run that stands out is noise until the next one repeats it.${
      machines.size > 1 &&
      " Not all were made on the same machine and Bun: a step between them says nothing of the server."
    }</p>${grid(all)}`;
  },
};
