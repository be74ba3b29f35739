/** The page: sections in the order in which a reader needs them, in one file that asks nothing of a network. */
import { renderPage } from "../../pages/frame.ts";
import { html } from "../../pages/html.ts";
import { ownFile } from "../../platform/own.ts";
import { serversOf } from "../record/cells.ts";
import type { Metrics } from "../record/metrics.ts";
import type { RunRecord } from "../record/record.ts";
import { capacity } from "./capacity.ts";
import { coalescing } from "./coalescing.ts";
import { comparison } from "./comparison.ts";
import { framing } from "./framing.ts";
import { history } from "./history.ts";
import { latency } from "./latency.ts";
import { loss } from "./loss.ts";
import { noise } from "./noise.ts";
import { room } from "./room.ts";
import { type Section, sourceOf } from "./section.ts";
import { setup, subject } from "./setup.ts";
import { summary } from "./summary.ts";
import { truncation } from "./truncation.ts";
import { verdicts } from "./verdicts.ts";

/** A new section is one file and one line here. What is wrong comes first; what it was measured on, last. */
const sections: readonly Section[] = [
  verdicts,
  comparison,
  summary,
  room,
  latency,
  capacity,
  noise,
  framing,
  coalescing,
  truncation,
  loss,
  history,
  setup,
];

/** The report of the last of these runs; the earlier ones are its history, oldest first. */
export async function renderReport(records: RunRecord[], metrics?: Metrics): Promise<string> {
  const source = sourceOf(records, metrics);
  const { record } = source;
  return renderPage({
    title: `sockbench ${record.id}`,
    brand: "sockbench report",
    heading: titleOf(record),
    subjects: [subject(record), html`<code>sockbench ${record.command.join(" ")}</code>`],
    sections: sections.flatMap(({ id, title, render }) => {
      const markup = render(source);
      return markup ? [{ id, title, markup }] : [];
    }),
    footer: html`Made by sockbench ${record.environment.sockbench} from the record <code>${record.id}</code> alone.`,
    styles: [ownFile("bench/report/plots.css")],
  });
}

/** What a person would want to know in one line. */
function titleOf({ samples, partial }: RunRecord): string {
  const scenarios = [...new Set(samples.map(({ scenario }) => scenario))];
  const servers = serversOf(samples);
  const what = scenarios.length > 6 ? `${scenarios.length} scenarios` : scenarios.join(", ") || "no samples";
  const who = servers.length === 0 ? "" : ` on ${servers.join(", ")}`;
  return `${what}${who}${partial === null ? "" : ", in part"}`;
}
