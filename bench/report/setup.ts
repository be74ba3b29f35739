/** What was measured on what: command, settings, machine, and what the harness itself costs. */

import { type Content, html, type Markup, table } from "../../pages/html.ts";
import { machineWords } from "../record/machines.ts";
import type { Calibration, RunRecord } from "../record/record.ts";
import { unpinnedServers } from "../record/samples.ts";
import { nameOf } from "./data.ts";
import type { Section, Source } from "./section.ts";
import { bytes, moment, rate, time } from "./units.ts";

const list = (entries: [string, Content][]): Markup =>
  html`<dl>${entries.map(([term, words]) => html`<div><dt>${term}</dt><dd>${words}</dd></div>`)}</dl>`;

function pinnedWords(record: RunRecord): string {
  const { pinned } = record.environment;
  if (!pinned) return "not pinned apart: server and fleets share the CPUs";
  const left = unpinnedServers(record);
  const all = record.samples.every(({ server }) => left.includes(server));
  const words = [
    ...(all ? [] : [`server on CPU ${pinned.server.join(", ")}`]),
    ...(left.length > 0 ? [`${all ? "the server" : left.join(", ")} left as it was`] : []),
    `fleets on ${pinned.fleets.map((cpus) => cpus.join(", ")).join(" | ")}`,
  ];
  return words.join("; ");
}

const limit = (value: number | null) => (value === null ? "none" : String(value));

function machine(record: RunRecord): Markup {
  const { environment: it } = record;
  const machines = machineWords(record);
  return list([
    ["command", html`<code>sockbench ${record.command.join(" ")}</code>`],
    ["run", html`<code>${record.id}</code>, ${moment(record.startedAt)} to ${moment(record.finishedAt)}`],
    ["processor", `${it.cpu}, ${it.cores} ${it.cores === 1 ? "core" : "cores"}`],
    ["memory", bytes(it.memory)],
    ["system", `${it.platform}, kernel ${it.kernel}`],
    ["Bun", `${it.bun} (${it.bunRevision.slice(0, 9)})`],
    [
      "sockbench",
      `${it.sockbench}${it.git ? `, commit ${it.git.commit.slice(0, 9)}${it.git.clean ? "" : " with changes"}` : ""}`,
    ],
    ["fleets", machines.length > 0 ? machines.join("; ") : `${it.fleets}, ${pinnedWords(record)}`],
    ["clocks", `two processes may differ by ${time(it.clockUncertainty)}`],
    [
      "open files",
      it.openFiles ? `${limit(it.openFiles.soft)} soft, ${limit(it.openFiles.hard)} hard` : "no limit known",
    ],
  ]);
}

/** Settings by scenario: those that all samples share once, and the values of those that vary. */
function settings({ groups }: Source): Markup {
  const rows = [...Map.groupBy(groups, ({ scenario }) => scenario)].map(([scenario, of]) => {
    const samples = of.flatMap(({ samples }) => samples);
    const names = [...new Set(samples.flatMap(({ parameters }) => Object.keys(parameters)))];
    const words = names.map((name) => {
      const values = [
        ...new Set(
          samples.flatMap(({ parameters }) => (name in parameters ? [String(parameters[name])] : [])),
        ),
      ];
      return `${name} ${values.slice(0, 8).join(", ")}${values.length > 8 ? " …" : ""}`;
    });
    return [
      scenario,
      [...new Set(samples.map(({ target }) => target.replace(/:\d+/, ":…")))].join(", "),
      words.join(" · "),
    ];
  });
  return table({ head: ["scenario", "target", "settings"], rows, numbersFrom: 9 }, true);
}

function calibrationOf({ timestamp, pacerLag, roundTrip, verifyRate, stampRate }: Calibration): Markup {
  return html`<p>Below a round trip of <strong>${time(roundTrip.fleet)}</strong> a latency is the harness’s own: that is what
an empty echo takes by the way of a fleet. The plainest possible loop takes ${time(roundTrip.plain)}. Latency plots show
this floor as a grey band.</p>
${list([
  ["reading the clock", time(timestamp)],
  ["pacer lag", `${time(pacerLag.p50)} at p50, ${time(pacerLag.p99)} at p99`],
  ["one fleet verifies", rate(verifyRate)],
  ["one fleet stamps", rate(stampRate)],
])}`;
}

export const setup: Section = {
  id: "setup",
  title: "What was measured on what",
  render(source) {
    const { environment, calibration } = source.record;
    const kernel: Content[][] = [
      ...Object.entries(environment.sysctl),
      ...Object.entries(environment.socketOptions).map(([name, value]) => [name, String(value)]),
    ];
    return html`${machine(source.record)}
<h3>Settings</h3>${settings(source)}
<h3>The harness’s own floor</h3>
${
  calibration
    ? calibrationOf(calibration)
    : html`<p>Not measured in this run: <code>bench --calibrate</code> adds it. Without it nothing here says how much of a small latency is the harness’s own.</p>`
}
<details><summary>Kernel settings and socket options</summary>${table({ head: ["name", "value"], rows: kernel, numbersFrom: 9 })}</details>`;
  },
};

/** One line for the head of the page. */
export const subject = ({ environment, startedAt, samples }: RunRecord): string => {
  const scenarios = new Set(samples.map(nameOf)).size;
  const cores = `${environment.cores} ${environment.cores === 1 ? "core" : "cores"}`;
  return `${moment(startedAt)} · ${environment.cpu}, ${cores} · Bun ${environment.bun} · ${scenarios} variants, ${samples.length} samples`;
};
