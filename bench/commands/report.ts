/** `sockbench report [record…]`: one page with plots, made from records alone. */
import { dirname, join } from "node:path";
import type { Command } from "commander";
import { exitCodes, Failure } from "../../platform/failure.ts";
import { onceEach } from "../../platform/flags.ts";
import { checkFolder, checkWritable, writeWhole } from "../../platform/write-file.ts";
import { findRecord, lastRecords } from "../compare/find.ts";
import type { RunRecord } from "../record/record.ts";
import { renderReport } from "../report/page.ts";

type Options = { out?: string; results: string };

/** A record says its own id, and a third party may have written it: it must not lead out of the folder. */
function defaultOut({ id }: RunRecord, folder: string): string {
  if (/^[\w.-]+$/.test(id) && !id.startsWith(".")) return join(folder, `${id}.html`);
  throw new Failure(exitCodes.usage, "the record's id is no file name: name one with --out <file>");
}

async function report(paths: string[], { out, results }: Options): Promise<void> {
  const found =
    paths.length > 0
      ? await Promise.all([...new Set(paths)].map((text) => findRecord(text, results)))
      : await lastRecords(results, 1);
  const records = [...new Map(found.map(({ path, record }) => [path, record])).values()];
  records.sort((a, b) => a.startedAt.localeCompare(b.startedAt));
  const path = out ?? defaultOut(records[records.length - 1], results);
  const flag = out === undefined ? "--results" : "--out";
  checkFolder(flag, dirname(path));
  checkWritable(flag, path);
  writeWhole(path, await renderReport(records));
  console.log(path);
}

export function addReportCommand(program: Command): void {
  const command = program
    .command("report [record...]")
    .description("make one self-contained HTML page with plots; several records: history and comparison")
    .option("--out <file>", "where the page is written (default: <results>/<id>.html)")
    .option("--results <folder>", "where records are looked for", "results")
    .action(report);
  onceEach(command);
}
