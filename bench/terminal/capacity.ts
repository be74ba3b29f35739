/** A search for capacity in the terminal: its steps, the curve, and the answer as a sentence. */
import type { RunRecord } from "../record/record.ts";
import { amount, cellText, duration, whole } from "../record/units.ts";
import { table } from "./format.ts";
import { logBars } from "./plots.ts";

type Capacity = NonNullable<RunRecord["capacity"]>;

export function capacityTable(found: Capacity): string {
  const rows = [...found.steps].sort((a, b) => a.value - b.value);
  const time = (value: number | null) => cellText("ns", value ?? undefined);
  const cells = rows.map((step) => [
    whole(step.value),
    amount(step.achieved),
    time(step.p50),
    time(step.p99),
    cellText("share", step.loss),
    cellText("share", step.serverBusy ?? undefined),
    fate(step),
  ]);
  const head = [found.grow, "achieved msg/s", "p50", "p99", "lost", "server busy", found.objective];
  const curve = rows.flatMap(({ value, p99 }) => (p99 === null ? [] : [{ label: whole(value), value: p99 }]));
  return [
    table(head, cells),
    `\np99 by ${found.grow}, logarithmic:`,
    logBars(curve, duration),
    `\n${capacitySentence(found)}`,
  ].join("\n");
}

/** What a miss was worth; why stands in the record. */
function fate({ met, unmet, hidden, evidence }: Capacity["steps"][number]): string {
  if (met) return "met";
  const counted = hidden ? " (does not count)" : evidence?.length === 0 ? " (taken again)" : "";
  return `${unmet.join("; ")}${counted}`;
}

const limits: Record<Capacity["limit"], string> = {
  server: " Beyond it the server was the limit",
  client:
    " Beyond it the LOAD GENERATOR was the limit, and the server may do more with more cores or --fleets",
  "none found": " No limit was found: the highest that can be asked for held",
};

const limitWords = ({ limit, evidence = [] }: Capacity) =>
  `${limits[limit]}${evidence.length > 0 ? `: ${evidence.join("; ")}` : ""}.`;

export function capacitySentence(capacity: Capacity): string {
  const { answer, knee, grow, unjudged, ...found } = capacity;
  const { objective, server, protocol, steps } = found;
  const what = grow === "rate" ? "messages per second" : "connections";
  if (unjudged !== undefined) {
    const held = steps.filter(({ met }) => met).map(({ value }) => value);
    const seen = held.length > 0 ? ` It held in a sample at ${whole(Math.max(...held))} ${what}.` : "";
    return `${protocol} ${server}: ${unjudged}.${seen}`;
  }
  if (!answer)
    return `${protocol} ${server}: "${objective}" held at no ${grow} that was tried, down to ${whole(Math.min(...steps.map(({ value }) => value)))}`;
  const bend = knee === null ? "" : ` The knee, after which the median doubles, is at ${whole(knee)}.`;
  return `${protocol} ${server} holds "${objective}" at ${whole(answer.value)} ${what} (in ${answer.held} of ${answer.of} repeated samples).${bend}${limitWords(capacity)}`;
}
