/**
 * The servers of another revision beside those of this tree, in one run: a worktree of that revision is made
 * for the time of the run and removed after it. Its servers are started by its own `serve` command.
 */
import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { exitCodes, Failure } from "../platform/failure.ts";
import { type ServerSource, serveFrom } from "./servers.ts";

const HERE = `${import.meta.dir}/..`;

function git(...args: string[]): { ok: boolean; text: string } {
  const { exitCode, stdout, stderr } = Bun.spawnSync(["git", ...args], { cwd: HERE });
  return { ok: exitCode === 0, text: (exitCode === 0 ? stdout : stderr).toString().trim() };
}

/** Runs `measure` with the servers of the revision and of this tree, in this order. */
export async function withRevision<T>(
  revision: string,
  measure: (sources: ServerSource[]) => Promise<T>,
): Promise<T> {
  const commit = git("rev-parse", "--verify", "--quiet", `${revision}^{commit}`);
  if (!commit.ok) throw new Failure(exitCodes.usage, `--against ${revision}: git knows no such revision`);
  const folder = mkdtempSync(`${tmpdir()}/sockbench-against-`);
  const tree = `${folder}/tree`;
  try {
    const added = git("worktree", "add", "--detach", tree, commit.text);
    if (!added.ok)
      throw new Failure(exitCodes.unreachable, `--against ${revision}: ${added.text.split("\n").pop()}`);
    // The same dependencies on both sides: what is compared is our own code.
    symlinkSync(`${HERE}/node_modules`, `${tree}/node_modules`);
    return await measure([serveFrom(`bun@${commit.text.slice(0, 8)}`, tree), serveFrom("bun@here", HERE)]);
  } finally {
    git("worktree", "remove", "--force", tree);
    rmSync(folder, { recursive: true, force: true });
  }
}
