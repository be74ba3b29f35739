/**
 * Where this project's own programs and files are: in its source tree, or in the one executable that `bun run build`
 * makes. There a program of ours is the executable itself, asked for that part (bench/executable.ts).
 */
import { basename, join } from "node:path";

/** Bun keeps what is in a compiled executable below a folder of this name. */
export const isExecutable = import.meta.dir.startsWith("/$bunfs/");

const ROOT = join(import.meta.dir, "..");

/** The word behind which the executable is told which of its parts to be. */
export const PART = "__part";

/** What starts a program of ours: its file, as seen from the project's folder, and its flags. */
export const ownProgram = (file: string, ...flags: readonly string[]): string[] =>
  isExecutable ? [process.execPath, PART, file, ...flags] : [process.execPath, join(ROOT, file), ...flags];

/** The path of a data file of ours, which is given as seen from the project's folder; the executable keeps them in one. */
export const ownFile = (file: string): string =>
  isExecutable ? join(import.meta.dir, basename(file)) : join(ROOT, file);
