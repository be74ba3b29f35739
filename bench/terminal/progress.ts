/** The run as it goes: one live line on a terminal, a plain line a sample elsewhere. On standard error. */
import { createLogUpdate } from "log-update";
import { printable } from "../../platform/printable.ts";
import { cellName } from "../record/cells.ts";
import { metrics as builtIn, headlineOf, type Metrics } from "../record/metrics.ts";
import type { Sample } from "../record/record.ts";
import { amount, valueText, whole } from "../record/units.ts";
import type { ProgressEvent } from "../run/run.ts";

/** The figure of a sample that a waiting person wants. */
function headline(sample: Sample, among: Metrics): string {
  const { metrics, counts, wrong, invalid } = sample;
  const metric = headlineOf([sample], among);
  const figures = [
    ...(metric ? [`${metric.label} ${valueText(metric.unit, metrics[metric.key])}`] : []),
    ...(counts.tried === undefined ? [] : [`${whole(counts.tried)} tried`]),
  ];
  const kinds = wrong.filter(({ kind }) => kind !== "stopped");
  const faults =
    kinds.length > 0
      ? [`WRONG: ${kinds.map(({ kind, count }) => `${amount(count)} ${kind}`).join(", ")}`]
      : [];
  if (kinds.length < wrong.length) faults.push("ended early");
  const marks = invalid.map(({ rule }) => `discarded: ${rule}`);
  return [...figures, ...faults, ...marks].join(", ");
}

/** Returns a listener for the run's events, and what to call when it is over. */
export function showProgress(
  stream: NodeJS.WriteStream = process.stderr,
  metrics = builtIn,
): {
  tell: (event: ProgressEvent) => void;
  end: () => void;
} {
  const live = stream.isTTY ? createLogUpdate(stream) : undefined;
  const began = performance.now();
  let before = { at: 0, delivered: 0, rate: 0 };

  function rateNow(event: ProgressEvent): number {
    const at = performance.now();
    const delivered = event.progress?.delivered ?? 0;
    const rate =
      at > before.at && delivered > before.delivered
        ? ((delivered - before.delivered) / (at - before.at)) * 1000
        : 0;
    before = { at, delivered, rate };
    return rate;
  }

  function timeLeft({ done, planned }: ProgressEvent): string {
    if (done === 0) return "";
    const seconds = ((performance.now() - began) / 1000 / done) * (planned - done);
    return ` · about ${Math.ceil(seconds)} s left`;
  }

  return {
    tell(event) {
      const { cell, server, done, planned, sample, round } = event;
      const name = printable(cellName({ ...cell, server }));
      if (round !== undefined) {
        if (sample && !live) stream.write(`round ${round + 1} of ${name}\n`);
        else if (live && !sample) live(`round ${round + 1} of ${name}`);
      } else if (sample) {
        before = { at: 0, delivered: 0, rate: 0 };
        if (!live || sample.wrong.length > 0) {
          live?.clear();
          stream.write(
            `[${done + 1}/${planned}] ${name}: ${printable(headline(sample, metrics) || "done")}\n`,
          );
        }
      } else if (live) {
        const rate = event.progress ? ` · ${amount(rateNow(event))}/s now` : "";
        live(`[${done + 1}/${planned}] ${name}${rate}${timeLeft(event)}`);
      }
    },
    end: () => live?.clear(),
  };
}
