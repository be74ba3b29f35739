/** `sockbench report [record…]`: one page with plots, made from records alone. */
import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Command } from "commander";
import { exitCodes, Failure } from "../../platform/failure.ts";
import { findRecord, lastRecords } from "../compare/find.ts";
import { type RunRecord, readRecord } from "../record.ts";
import { renderReport } from "../report/page.ts";

type Options = { out?: string; results: string };

/** A record says its own id, and a stranger may have written it: it must not lead out of the folder. */
function defaultOut({ id }: RunRecord, folder: string): string {
  if (/^[\w.-]+$/.test(id) && !id.startsWith(".")) return join(folder, `${id}.html`);
  throw new Failure(exitCodes.usage, "the record's id is no file name: name one with --out <file>");
}

async function report(paths: string[], { out, results }: Options): Promise<void> {
  const found = paths.length > 0 ? paths.map((text) => findRecord(text, results)) : lastRecords(results, 1);
  const records = await Promise.all([...new Set(found)].map(readRecord));
  records.sort((a, b) => a.startedAt.localeCompare(b.startedAt));
  const path = out ?? defaultOut(records[records.length - 1], results);
  const page = await renderReport(records);
  mkdirSync(dirname(path), { recursive: true });
  await Bun.write(path, page);
  console.log(path);
}

export function addReportCommand(program: Command): void {
  program
    .command("report [record...]")
    .description("make one self-contained HTML page with plots; several records: history and comparison")
    .option("--out <file>", "where the page is written (default: <results>/<id>.html)")
    .option("--results <folder>", "where records are looked for", "results")
    .action(report);
}
