/** The matrix as one page: the result of each target, what failed with its wire log, then every case. */

import { type PageSection, renderPage } from "../pages/frame.ts";
import { html, type Markup, table } from "../pages/html.ts";
import { type Tile, tiles } from "../pages/tiles.ts";
import { ownFile } from "../platform/own.ts";
import type { CaseResult } from "./case.ts";
import type { Matrix } from "./matrix.ts";
import {
  deviations,
  protocolOf,
  type Row,
  rowsOf,
  scoreOf,
  sectionOf,
  unjudged,
  worstOf,
} from "./matrix-rows.ts";
import { type Standing, signOf, standingOf, standings } from "./standing.ts";

/** For more targets than this, signs are below each case instead of in columns. */
const MAX_COLUMNS = 6;

const classOf = (standing: Standing) => standing.replace(" ", "-");
const describe = (standing: Standing) => standings.find((one) => one.standing === standing)!;
const plural = (count: number, word: string) => `${count} ${word}${count === 1 ? "" : "s"}`;

/** A sign, with its meaning for screen readers. */
const signMarkup = (standing: Standing): Markup =>
  html`<span class="sign ${classOf(standing)}" role="img" aria-label="${standing}" title="${standing}">${signOf(standing)}</span>`;

export function matrixPage(matrix: Matrix): string {
  const rows = rowsOf(matrix);
  const bad = deviations(rows);
  const names = matrix.map(({ name }) => name).join(", ");
  return renderPage({
    title: `sockbench conformance: ${names}`,
    brand: "sockbench conformance",
    heading: headingOf(matrix, rows),
    subjects: [`${plural(rows.length, "case")} on ${plural(matrix.length, "target")}: ${names}`],
    sections: [
      { id: "targets", title: "Targets", markup: tiles(matrix.map(tileOf)) },
      ...bad.map((one) => deviationSection(matrix, one)),
      unjudgedSection(matrix),
      { id: "sections", title: "Sections", markup: sectionsTable(matrix, rows) },
      { id: "cases", title: "Cases", markup: casesMarkup(matrix, rows) },
    ].filter((section) => section !== undefined),
    footer: "Made by sockbench conform. Signs and levels are explained in docs/conformance.md.",
    styles: [ownFile("conformance/matrix.css")],
  });
}

/** The worst first: that nothing failed says little where cases could not run, or none could be judged. */
function headingOf(matrix: Matrix, rows: readonly Row[]): string {
  const counts = Map.groupBy(rows, worstOf);
  const count = (standing: Standing) => counts.get(standing)?.length ?? 0;
  if (count("fail") > 0) return `${plural(count("fail"), "case")} failed`;
  if (count("error") > 0) return `${plural(count("error"), "case")} could not run`;
  if (matrix.some(({ report }) => report.strict) && count("not strict") > 0)
    return `${plural(count("not strict"), "case")} violated a SHOULD`;
  if (rows.every(({ results }) => results.every((result) => !result || result.verdict === "unsupported")))
    return "No case could be judged";
  return "No case failed";
}

function tileOf({ name, report }: Matrix[number]): Tile {
  const counts = Map.groupBy(report.results, standingOf);
  const count = (standing: Standing) => counts.get(standing)?.length ?? 0;
  const words = standings.flatMap(({ standing, title }) =>
    count(standing) > 0 ? [`${count(standing)} ${title.toLowerCase()}`] : [],
  );
  const broken = count("fail") + count("error") + (report.strict ? count("not strict") : 0);
  const judged = report.results.length - count("unsupported");
  const mark = broken > 0 ? "bad" : judged === 0 || count("not strict") > 0 ? "doubt" : "good";
  return { mark, title: name, words: words.join(", ") };
}

/** Cases that did not pass: a click opens the requirement and the wire log. */
function deviationSection(
  matrix: Matrix,
  { standing, rows }: { standing: Standing; rows: Row[] },
): PageSection {
  const { title, means } = describe(standing);
  const cases = rows.map(
    (
      row,
    ) => html`<details class="case must" id="${row.id}"><summary>${signMarkup(standing)} <b>${row.id}</b> ${row.title}
<span class="where">${matrix.flatMap(({ name }, i) => {
      const result = row.results[i];
      return result ? html`<span>${signMarkup(standingOf(result))} ${name}</span> ` : [];
    })}</span></summary>
<p class="requirement">${row.requirement} <span class="source">${row.source}</span></p>
${matrix.map(({ name }, i) => explanation(name, row.results[i]))}</details>`,
  );
  return {
    id: classOf(standing),
    title: `${title} (${rows.length})`,
    markup: html`<p class="note">${signOf(standing)} ${means}. A click opens a case.</p>${cases}`,
  };
}

/** What one target did: nothing where it passed, or could not be judged. */
function explanation(name: string, result: CaseResult | undefined): Markup | undefined {
  if (!result || !["fail", "error", "not strict"].includes(result.verdict)) return undefined;
  const entries: [string, string | undefined][] = [
    ["expected", result.expected],
    ["actual", result.actual],
    ["known", result.known],
    [
      "connections",
      Object.entries(result.endings)
        .slice(0, 8)
        .map((entry) => entry.join(" "))
        .join(", "),
    ],
  ];
  return html`<h3>${signMarkup(standingOf(result))} ${name}</h3>
<dl>${entries.map(([term, words]) => words && html`<div><dt>${term}</dt><dd>${words}</dd></div>`)}</dl>
${result.wire && wireMarkup(result.wire)}`;
}

/** Lines with a hanging indent, without their common leading blanks. */
function wireMarkup(lines: readonly string[]): Markup {
  const blanks = Math.min(...lines.map((line) => line.search(/\S|$/)));
  return html`<div class="wire" role="region" aria-label="wire log">${lines.map((line) => html`<code>${line.slice(blanks)}</code>`)}</div>`;
}

function unjudgedSection(matrix: Matrix): PageSection | undefined {
  const all = unjudged(matrix);
  if (all.length === 0) return undefined;
  const rows = all.map(({ target, reason, ids }) => [
    target,
    reason,
    html`<details><summary>${plural(ids.length, "case")}</summary>${ids.join(" ")}</details>`,
  ]);
  return {
    id: "unsupported",
    title: "Unsupported",
    markup: table({ head: ["target", "reason", "cases"], rows, numbersFrom: 9 }, true),
  };
}

const signsClass = (matrix: Matrix) => (matrix.length > MAX_COLUMNS ? "signs" : "signs columns");

function sectionsTable(matrix: Matrix, rows: readonly Row[]): Markup {
  const bySection = [...Map.groupBy(rows, ({ id }) => sectionOf(id))];
  return html`<p class="note">Passed of those judged, with the worst sign.</p>${signsTable(
    matrix,
    "section",
    bySection.map(([section, of]) => ({
      head: html`<a href="#${protocolOf(section)}">${section}</a>`,
      cells: matrix.map((_, i) => {
        const score = scoreOf(of.map(({ results }) => results[i]));
        const standing = standings.find(({ sign }) => score.startsWith(sign))?.standing ?? "pass";
        return score && html`<span class="sign ${classOf(standing)}">${score}</span>`;
      }),
    })),
  )}`;
}

type SignsRow = { head: Markup; cells: (Markup | string | undefined)[] };

/** A table with a column for each target; on a phone the signs stand below what they are about. */
function signsTable(matrix: Matrix, what: string, rows: readonly SignsRow[]): Markup {
  return html`<div class="${signsClass(matrix)}"><table><thead><tr><th scope="col">${what}</th>${matrix.map(({ name }) => html`<th scope="col">${name}</th>`)}</tr></thead>
<tbody>${rows.map(
    ({ head, cells }) =>
      html`<tr><th scope="row">${head}</th>${cells.map((cell, i) => html`<td data-label="${matrix[i].name}"${!cell && html` class="none"`}>${cell}</td>`)}</tr>\n`,
  )}</tbody></table></div>`;
}

function casesMarkup(matrix: Matrix, rows: readonly Row[]): Markup {
  const explained = new Set(deviations(rows).flatMap(({ rows }) => rows.map(({ id }) => id)));
  const legend = standings.map(({ standing, means }) => html`<li>${signMarkup(standing)} ${means}</li>`);
  const protocols = [...Map.groupBy(rows, ({ id }) => protocolOf(id))].map(
    ([
      protocol,
      of,
    ]) => html`<details class="protocol" id="${protocol}"><summary>${protocol} <span class="note">${plural(of.length, "case")}</span></summary>
${signsTable(
  matrix,
  "case",
  of.map((row) => ({
    head: html`<b>${explained.has(row.id) ? html`<a href="#${row.id}">${row.id}</a>` : row.id}</b> ${row.title}<p class="requirement">${row.requirement} <span class="source">${row.source}</span></p>${facts(row)}`,
    cells: row.results.map((result) => result && signMarkup(standingOf(result))),
  })),
)}</details>`,
  );
  return html`<ul class="legend">${legend}</ul>${protocols}`;
}

/** What a FACT found, once if all targets found the same: it is about the host. */
function facts({ results }: Row): Markup[] {
  const found = new Set(results.flatMap((result) => result?.found ?? []));
  return [...found].map((fact) => html`<p class="found">${fact}</p>`);
}
