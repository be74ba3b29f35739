/**
 * `sockbench known`: servers whose answer is known, measured by the bench's own scenarios. As mutants prove that
 * conformance can fail, these prove that what the bench says of a server is so: a delay is found as that delay, a loss as that
 * loss, a burnt nanosecond as a nanosecond.
 */
import { type ExitCode, exitCodes } from "../../platform/failure.ts";
import { NONE, valueText, whole } from "../record/units.ts";
import { table } from "../terminal/format.ts";
import { type Judged, judge, type Question } from "./question.ts";
import { questions } from "./questions.ts";

const HEADS = ["server", "asked", "known", "measured", "error", "allowed", ""];
const text = (unit: Judged["unit"], value: number) =>
  unit === "count" ? whole(value) : unit === "share" ? percent3(value) : valueText(unit, value);
/** A share of which the third digit matters. */
const percent3 = (value: number) => `${(value * 100).toFixed(3)} %`;

const signed = (unit: Judged["unit"], value: number) =>
  `${value < 0 ? "−" : "+"}${text(unit, Math.abs(value))}`;

function row({ server, asked, unit, known, measured, error, below, above, within }: Judged): string[] {
  return [
    server,
    asked,
    known === null ? NONE : text(unit, known),
    measured === null ? NONE : text(unit, measured),
    error === null ? NONE : error === 0 ? "0" : signed(unit, error),
    below === 0 && above === 0 ? "exactly" : `−${text(unit, below)} to +${text(unit, above)}`,
    within === null ? "not judged" : within ? "✓" : "MISSED",
  ];
}

export const render = (rows: readonly Judged[]): string => table(HEADS, rows.map(row));

/** 4 where an answer is missed, or could not be had: the measurement cannot be trusted. */
export const codeOf = (rows: readonly Judged[]): ExitCode =>
  rows.every(({ within }) => within === true) ? exitCodes.ok : exitCodes.untrusted;

async function judgeAll(chosen: readonly Question[]): Promise<Judged[]> {
  const rows: Judged[] = [];
  for (const [i, question] of chosen.entries()) {
    console.error(
      `${i + 1}/${chosen.length} ${question.server}: ${question.answers.map(({ asked }) => asked).join("; ")}`,
    );
    rows.push(...(await judge(question)));
  }
  return rows;
}

/** Measures and prints; resolves with the exit code. */
export async function known(chosen: readonly string[], json: boolean): Promise<ExitCode> {
  const rows = await judgeAll(chosen.flatMap((name) => questions[name]()));
  console.log(json ? JSON.stringify(rows) : render(rows));
  return codeOf(rows);
}
