/** Finding records by path, by id, by the beginning of an id, or as the last ones of a folder. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { exitCodes, Failure } from "../../platform/failure.ts";

/** Paths of the records in a folder, oldest first: their names begin with their time. */
export function recordPaths(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => name.endsWith(".json"))
    .sort()
    .map((name) => `${folder}/${name}`);
}

export function findRecord(text: string, folder: string): string {
  if (existsSync(text)) return text;
  const found = recordPaths(folder).filter((path) => path.slice(folder.length + 1).startsWith(text));
  if (found.length === 1) return found[0];
  throw new Failure(
    exitCodes.usage,
    found.length === 0
      ? `no record "${text}": it is no file, and ${folder} has none whose name begins so`
      : `"${text}" is the beginning of ${found.length} records in ${folder}: give more of it`,
  );
}

/** The last `count` records, oldest first. */
export function lastRecords(folder: string, count: number): string[] {
  // A calibration alone has no samples: there is nothing in it to compare or to draw.
  const paths = recordPaths(folder).filter((path) => !readFileSync(path, "utf8").includes('"samples": []'));
  if (paths.length >= count) return paths.slice(-count);
  throw new Failure(
    exitCodes.unreachable,
    `${folder} has ${paths.length || "no"} record${paths.length === 1 ? "" : "s"}, and ${count} are needed: ` +
      "make one with `sockbench bench`, or name a file",
  );
}
