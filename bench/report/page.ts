/** The page: sections in the order in which a reader needs them, in one file that asks nothing of a network. */
import { serversOf } from "../record/cells.ts";
import type { Metrics } from "../record/metrics.ts";
import type { RunRecord } from "../record/record.ts";
import { capacity } from "./capacity.ts";
import { coalescing } from "./coalescing.ts";
import { comparison } from "./comparison.ts";
import { framing } from "./framing.ts";
import { history } from "./history.ts";
import { html, raw } from "./html.ts";
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

/** Nothing may be loaded and nothing may run, whatever stood in a record. */
const policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:";

/** The report of the last of these runs; the earlier ones are its history, oldest first. */
export async function renderReport(records: RunRecord[], metrics?: Metrics): Promise<string> {
  const style = await Bun.file(new URL("page.css", import.meta.url)).text();
  const source = sourceOf(records, metrics);
  const { record } = source;
  const shown = sections.flatMap((section) => {
    const markup = section.render(source);
    return markup ? [{ ...section, markup }] : [];
  });
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="generator" content="sockbench">
<title>sockbench ${record.id}</title>
<link rel="icon" href="data:,">
<style>${raw(style)}</style>
</head>
<body>
<header>
<p class="brand">sockbench report</p>
<h1>${titleOf(record)}</h1>
<p class="subject">${subject(record)}</p>
<p class="subject"><code>sockbench ${record.command.join(" ")}</code></p>
<nav aria-label="Contents"><ol>${shown.map(({ id, title }) => html`<li><a href="#${id}">${title}</a></li>`)}</ol></nav>
</header>
<main>
${shown.map(
  ({
    id,
    title,
    markup,
  }) => html`<section id="${id}" aria-labelledby="${id}-title"><h2 id="${id}-title">${title}</h2>
${markup}</section>
`,
)}</main>
<footer><p>Made by sockbench ${record.environment.sockbench} from the record <code>${record.id}</code> alone.</p></footer>
</body>
</html>
`;
  return page.markup;
}

/** What a person would want to know in one line. */
function titleOf({ samples, partial }: RunRecord): string {
  const scenarios = [...new Set(samples.map(({ scenario }) => scenario))];
  const servers = serversOf(samples);
  const what = scenarios.length > 6 ? `${scenarios.length} scenarios` : scenarios.join(", ") || "no samples";
  const who = servers.length === 0 ? "" : ` on ${servers.join(", ")}`;
  return `${what}${who}${partial === null ? "" : ", in part"}`;
}
