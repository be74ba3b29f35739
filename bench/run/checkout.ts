/** The checkout that this program is run from: it may as well be installed among the dependencies of another project. */
import { realpathSync } from "node:fs";
import { isExecutable } from "../../platform/own.ts";

/** The folder of the project; the one executable has none, and stands for it. */
export const HOME = isExecutable ? process.execPath : realpathSync(`${import.meta.dir}/../..`);

/** Runs git; `text` is what it printed, on standard error where it failed. */
export function git(args: readonly string[], cwd = HOME): { ok: boolean; text: string } {
  try {
    const { exitCode, stdout, stderr } = Bun.spawnSync(["git", ...args], { cwd });
    return { ok: exitCode === 0, text: (exitCode === 0 ? stdout : stderr).toString().trim() };
  } catch (error) {
    return { ok: false, text: (error as Error).message };
  }
}

/** Where the repository around a folder begins; undefined outside of one, or without git. */
export function repositoryOf(folder: string): string | undefined {
  const { ok, text } = git(["rev-parse", "--show-toplevel"], folder);
  return ok ? text : undefined;
}

/** Whether the project is checked out by itself, so that a revision that git knows here is one of its own. */
export const isCheckout = (): boolean => !isExecutable && repositoryOf(HOME) === HOME;
