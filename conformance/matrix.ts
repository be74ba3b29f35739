/** The matrix: targets by cases, of targets.json, for the terminal and as one page that needs nothing else. */
import Table from "cli-table3";
import { exitCodes, Failure } from "../platform/failure.ts";
import { sourceOf, type TargetEntry } from "../targets/file.ts";
import type { Verdict } from "./case.ts";
import { type ConformOptions, type ConformReport, choose, conform } from "./index.ts";
import { protocols } from "./protocols.ts";
import { escapeMarkup, explain, sign } from "./report.ts";
import { timeNames } from "./times.ts";

/** What targets.json says of a server, as `conform` takes it: its cases by protocol, and how they are judged. */
export function declared({ name, protocols: slugs, times, unsupported, known }: TargetEntry): ConformOptions {
  const expectOne = (what: string, all: readonly string[], given: readonly string[] = []) => {
    const wrong = given.find((one) => !all.includes(one));
    if (wrong === undefined) return;
    throw new Failure(
      exitCodes.usage,
      `targets.json, ${name}: ${what} ${wrong}: expected one of: ${all.join(", ")}`,
    );
  };
  const all = protocols.map(({ slug }) => slug);
  expectOne("protocol", all, slugs);
  expectOne("time", timeNames, Object.keys(times ?? {}));
  return {
    ...(slugs ? { choice: slugs } : {}),
    ...(times ? { times } : {}),
    ...(unsupported ? { unsupported } : {}),
    ...(known ? { known } : {}),
  };
}

export type Matrix = { name: string; report: ConformReport }[];

/** Judges every target by the chosen cases of the protocols that it speaks. */
export async function runMatrix(
  targets: readonly TargetEntry[],
  choice: readonly string[],
  options: { strict: boolean; onTarget?: (name: string) => void },
): Promise<Matrix> {
  const matrix: Matrix = [];
  for (const target of targets) {
    const { name, protocols: slugs } = target;
    const settings = declared(target);
    const ids = choose(choice)
      .filter(({ protocol }) => slugs?.includes(protocol.slug) ?? true)
      .flatMap(({ cases }) => cases.map(({ id }) => id));
    if (ids.length === 0) continue;
    options.onTarget?.(name);
    const report = await conform({
      ...settings,
      choice: ids,
      strict: options.strict,
      source: sourceOf(target),
    });
    matrix.push({ name, report: { ...report, target: name } });
  }
  if (matrix.length === 0) throw new Failure(exitCodes.unreachable, "no target speaks what was chosen");
  return matrix;
}

const protocolOf = (id: string) => id.split("/")[0];
const sectionOf = (id: string) => id.slice(0, id.lastIndexOf("."));

function countBy(report: ConformReport, belongs: (id: string) => boolean): string {
  const results = report.results.filter(({ id }) => belongs(id));
  if (results.length === 0) return "";
  const of = (...verdicts: Verdict[]) => results.filter(({ verdict }) => verdicts.includes(verdict)).length;
  const supported = results.length - of("unsupported");
  if (supported === 0) return "unsupported";
  const notes = [
    [of("fail"), "fail"],
    [of("error"), "error"],
    [of("not strict"), "not strict"],
    [of("unsupported"), "unsupported"],
  ] as const;
  const words = notes.flatMap(([count, word]) => (count > 0 ? [`${count} ${word}`] : []));
  return [`${of("pass", "informational")}/${supported}`, ...words].join(", ");
}

/** Protocols down, targets across, and then every case that did not pass everywhere. */
export function matrixText(matrix: Matrix): string {
  const names = matrix.map(({ name }) => name);
  const ids = [...new Set(matrix.flatMap(({ report }) => report.results.map(({ id }) => id)))];
  const table = new Table({ head: ["", ...names], style: { head: [], border: [], compact: true } });
  for (const protocol of new Set(ids.map(protocolOf)))
    table.push([
      protocol,
      ...matrix.map(({ report }) => countBy(report, (id) => protocolOf(id) === protocol)),
    ]);
  const notable = ids.filter((id) =>
    verdictsOf(matrix, id).some((verdict) => verdict && verdict !== "pass" && verdict !== "informational"),
  );
  const details = new Table({
    head: ["not passed by all", ...names],
    style: { head: [], border: [], compact: true },
  });
  for (const id of notable) {
    const title = matrix.flatMap(
      ({ report }) => report.results.find((result) => result.id === id)?.title ?? [],
    )[0];
    details.push([`${id} ${title}`, ...matrix.map((one) => wordsFor(one, id))]);
  }
  return notable.length > 0 ? `${table}\n\n${details}` : String(table);
}

function wordsFor({ report }: Matrix[number], id: string): string {
  const result = report.results.find((result) => result.id === id);
  return result ? result.verdict + (result.known ? " (known)" : "") : "";
}

const verdictsOf = (matrix: Matrix, id: string): (Verdict | undefined)[] =>
  matrix.map(({ report }) => report.results.find((result) => result.id === id)?.verdict);

const CSS = `
:root{color-scheme:light dark;font:15px/1.45 system-ui,sans-serif}
body{margin:2rem auto;max-width:70rem;padding:0 1rem}
table{border-collapse:collapse;width:100%;margin:1rem 0}
th,td{padding:.25rem .6rem;border-bottom:1px solid #8884;text-align:left;vertical-align:top}
thead th{position:sticky;top:0;background:Canvas}
.pass{color:#17803d}.fail,.error{color:#c0182b;font-weight:600}.not-strict{color:#9a6700}
.unsupported,.informational{color:#777}
pre{overflow-x:auto;white-space:pre-wrap;font-size:13px;margin:.4rem 0}
summary{cursor:pointer}`;

function cell(matrix: Matrix[number], id: string): string {
  const result = matrix.report.results.find((result) => result.id === id);
  if (!result) return "<td></td>";
  const { verdict } = result;
  const words = `${sign(verdict)} ${verdict}${result.known ? " (known)" : ""}`;
  const className = verdict.replace(" ", "-");
  if (verdict === "pass") return `<td class="pass">${words}</td>`;
  const more =
    verdict === "unsupported"
      ? (result.actual ?? "")
      : verdict === "informational"
        ? (result.found ?? []).join("\n")
        : explain(result);
  return `<td class="${className}"><details><summary>${words}</summary><pre>${escapeMarkup(more)}</pre></details></td>`;
}

/** One page: a summary, then a row for each case; what did not pass opens to its wire log. */
export function matrixPage(matrix: Matrix): string {
  const results = matrix.flatMap(({ report }) => report.results);
  const ids = [...new Set(results.map(({ id }) => id))];
  const head = matrix.map(({ name }) => `<th>${escapeMarkup(name)}</th>`).join("");
  const sections = [...new Set(ids.map(sectionOf))].map(
    (section) =>
      `<tr><td><a href="#${section}">${section}</a></td>${matrix
        .map(({ report }) => `<td>${countBy(report, (id) => sectionOf(id) === section)}</td>`)
        .join("")}</tr>`,
  );
  let last = "";
  const rows = ids.map((id) => {
    const { title, requirement, source } = results.find((result) => result.id === id)!;
    const anchor = sectionOf(id) === last ? "" : ` id="${sectionOf(id)}"`;
    last = sectionOf(id);
    const about = `${escapeMarkup(requirement)} (${escapeMarkup(source)})`;
    return `<tr${anchor}><td title="${about}"><b>${id}</b> ${escapeMarkup(title)}</td>${matrix.map((one) => cell(one, id)).join("")}</tr>`;
  });
  return `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Conformance: ${escapeMarkup(matrix.map(({ name }) => name).join(", "))}</title><style>${CSS}</style>
<h1>Conformance</h1><p>Passed of those supported, by section; each case below says what it requires when it is pointed at.</p>
<table><thead><tr><th>section</th>${head}</tr></thead><tbody>${sections.join("\n")}</tbody></table>
<table><thead><tr><th>case</th>${head}</tr></thead><tbody>${rows.join("\n")}</tbody></table></html>
`;
}
