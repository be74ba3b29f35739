/**
 * Files that a command is asked to write. What cannot be written is reported before the run, in one line; a file gets
 * its name only once it is complete, so that a reader never finds half of one (rename(2)).
 */
import { mkdirSync, realpathSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { exitCodes, Failure } from "./failure.ts";

/** A full disk accepts an empty file; a file of so many bytes usually not. */
const PROBE_BYTES = 65_536;

/** Throws a usage error that names the flag where the file `path` cannot be written now. */
export function checkWritable(flag: string, path: string): void {
  const prefix = `${flag} ${path} cannot be written`;
  refuse(prefix, () => {
    const place = placeOf(path);
    if (!place.regular) return;
    probe(dirname(place.path));
  });
}

/** The same for a folder, which is created if it does not exist. */
export function checkFolder(flag: string, folder: string): void {
  refuse(`${flag} ${folder}: nothing can be written there`, () => {
    mkdirSync(folder, { recursive: true });
    probe(folder);
  });
}

/** Writes all of `text` or nothing: throws a usage error, and leaves no partial file. */
export function writeWhole(path: string, text: string): void {
  refuse(`${path} cannot be written`, () => {
    const place = placeOf(path);
    // A terminal, a pipe, /dev/null: nothing that a rename could replace.
    if (!place.regular) return writeFileSync(place.path, text);
    const unfinished = unfinishedName(dirname(place.path), basename(place.path));
    try {
      writeFileSync(unfinished, text, { flag: "wx" });
      renameSync(unfinished, place.path);
    } catch (error) {
      rmSync(unfinished, { force: true });
      throw error;
    }
  });
}

/** Where the file really is, after symbolic links, and whether it is or can become a regular one. */
function placeOf(path: string): { path: string; regular: boolean } {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat?.isDirectory()) throw Object.assign(new Error(), { code: "EISDIR" });
  return stat ? { path: realpathSync(path), regular: stat.isFile() } : { path: resolve(path), regular: true };
}

const unfinishedName = (folder: string, name: string) =>
  join(folder, `.${name}.${process.pid}-${crypto.randomUUID().slice(0, 8)}`);

function probe(folder: string): void {
  const path = unfinishedName(folder, "probe");
  try {
    writeFileSync(path, new Uint8Array(PROBE_BYTES), { flag: "wx" });
  } finally {
    rmSync(path, { force: true });
  }
}

const reasons: Record<string, string> = {
  ENOENT: "no such folder",
  ENOTDIR: "a part of its path is not a folder",
  EISDIR: "it is a folder",
  EEXIST: "it is a file",
  EACCES: "permission denied",
  EPERM: "operation not permitted",
  EROFS: "the file system is read-only",
  ENOSPC: "no space left on device",
  EDQUOT: "disk quota exceeded",
  ENAMETOOLONG: "the name is too long",
};

function refuse(prefix: string, write: () => void): void {
  try {
    write();
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    const why = reasons[code] ?? (error instanceof Error ? error.message : String(error));
    throw new Failure(exitCodes.usage, `${prefix}: ${why}`);
  }
}
