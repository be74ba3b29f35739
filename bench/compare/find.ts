/** Finding records by path, by id, by the beginning of an id, or as the last ones of a folder. */
import { existsSync, readdirSync } from "node:fs";
import { exitCodes, Failure } from "../../platform/failure.ts";
import { printable } from "../../platform/printable.ts";
import { type RunRecord, readRecord } from "../record/record.ts";

export type Found = { path: string; record: RunRecord };

/** Paths of the records in a folder, oldest first: their names begin with their time. */
function recordPaths(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => name.endsWith(".json"))
    .sort()
    .map((name) => `${folder}/${name}`);
}

/** A record by its path, its id, or the beginning of its id. */
export async function findRecord(text: string, folder: string): Promise<Found> {
  const path = existsSync(text) ? text : pathBeginning(text, folder);
  return { path, record: await readRecord(path) };
}

function pathBeginning(text: string, folder: string): string {
  const found = recordPaths(folder).filter((path) => path.slice(folder.length + 1).startsWith(text));
  if (found.length === 1) return found[0];
  throw new Failure(
    exitCodes.usage,
    found.length === 0
      ? `no record "${text}": it is no file, and ${folder} has none whose name begins so`
      : `"${text}" is the beginning of ${found.length} records in ${folder}: give more of it`,
  );
}

/** Reads one that nobody named: it is told when it is broken, and holds nobody up. */
async function readOrTell(path: string): Promise<Found[]> {
  try {
    return [{ path, record: await readRecord(path) }];
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    console.error(`passed over: ${printable(error.message)}`);
    return [];
  }
}

/** All records of a folder that can be read, oldest first. */
export async function everyRecord(folder: string): Promise<Found[]> {
  const found: Found[] = [];
  for (const path of recordPaths(folder)) found.push(...(await readOrTell(path)));
  return found;
}

/** The last `count` records with samples, oldest first: in a calibration alone is nothing to compare or to draw. */
export async function lastRecords(folder: string, count: number): Promise<Found[]> {
  const found: Found[] = [];
  for (const path of recordPaths(folder).reverse()) {
    if (found.length === count) break;
    found.unshift(...(await readOrTell(path)).filter(({ record }) => record.samples.length > 0));
  }
  if (found.length === count) return found;
  const missing =
    found.length === 0
      ? `no records in ${folder}`
      : `only one record in ${folder}, and a comparison takes two`;
  throw new Failure(
    exitCodes.unreachable,
    `${missing}: run \`sockbench bench\`, or name a file or another --results folder`,
  );
}
