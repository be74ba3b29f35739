/** The matrix for a terminal: protocols down, targets across, then each case that did not pass, worst first. */
import Table from "cli-table3";
import type { Matrix } from "./matrix.ts";
import { deviations, protocolOf, type Row, rowsOf, scoreOf, unjudged } from "./matrix-rows.ts";
import { type Standing, signOf, standingOf, standings } from "./standing.ts";

/** Width of the border and padding of each cell. */
const AROUND_CELL = 3;
const MAX_NAME = 20;
const MAX_IDS = 3;
const INDENT = "    ";

export function matrixText(matrix: Matrix, columns: number): string {
  const rows = rowsOf(matrix);
  const blocks = [
    ...tablesOf(matrix, rows, columns),
    ...deviations(rows).map(({ standing, rows }) => listOf(matrix, standing, rows)),
    unjudgedLines(matrix),
  ];
  return blocks
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.map((line) => wrapped(line, columns)).join("\n"))
    .join("\n\n");
}

/** A line that is too long goes on below, indented. */
const wrapped = (line: string, columns: number): string =>
  line.length <= columns ? line : Bun.wrapAnsi(line, columns - INDENT.length).replaceAll("\n", `\n${INDENT}`);

/** As many targets per table as fit the terminal. */
function tablesOf(matrix: Matrix, rows: readonly Row[], columns: number): string[][] {
  const byProtocol = [...Map.groupBy(rows, ({ id }) => protocolOf(id))];
  const scores = matrix.map(({ name }, i) => ({
    name: short(name),
    cells: byProtocol.map(([, of]) => scoreOf(of.map(({ results }) => results[i]))),
  }));
  const widest = (texts: readonly string[]) => Math.max(...texts.map((text) => text.length)) + AROUND_CELL;
  const left = widest(byProtocol.map(([protocol]) => protocol)) + 1;
  const tables: string[][] = [];
  for (let from = 0; from < scores.length; ) {
    let to = from;
    for (let width = left; to < scores.length; to++) {
      width += widest([scores[to].name, ...scores[to].cells]);
      if (width > columns && to > from) break;
    }
    const shown = scores.slice(from, to);
    const table = new Table({
      head: ["", ...shown.map(({ name }) => name)],
      style: { head: [], border: [], compact: true },
    });
    byProtocol.forEach(([protocol], i) => {
      table.push([protocol, ...shown.map(({ cells }) => cells[i])]);
    });
    tables.push(String(table).split("\n"));
    from = to;
  }
  return tables;
}

const short = (name: string) => (name.length > MAX_NAME ? `${name.slice(0, MAX_NAME - 1)}…` : name);

/** Cases of one standing, each with the targets that have it, and those that deviate otherwise. */
function listOf(matrix: Matrix, standing: Standing, rows: readonly Row[]): string[] {
  const { title, means } = standings.find((one) => one.standing === standing)!;
  const idWidth = Math.max(...rows.map(({ id }) => id.length));
  const lines = rows.map(({ id, title, results }) => {
    const targets = matrix.flatMap(({ name }, i) => {
      const result = results[i];
      const own = result && standingOf(result);
      if (!own || own === "pass" || own === "informational" || own === "unsupported") return [];
      return own === standing ? [name] : [`${signOf(own)} ${name}`];
    });
    return `${signOf(standing)} ${id.padEnd(idWidth)}  ${title}: ${targets.join(", ")}`;
  });
  return [`${title} (${means}): ${rows.length}`, ...lines];
}

function unjudgedLines(matrix: Matrix): string[] {
  const lines = unjudged(matrix).map(({ target, reason, ids }) => {
    const rest = ids.length > MAX_IDS ? ` and ${ids.length - MAX_IDS} more` : "";
    return `${signOf("unsupported")} ${target}: ${ids.slice(0, MAX_IDS).join(" ")}${rest}: ${reason}`;
  });
  return lines.length === 0 ? [] : ["Unsupported:", ...lines];
}
