/**
 * The servers of another revision beside those of this tree, in one run: a worktree of that revision is made
 * for the time of the run and removed after it. Its servers are started by its own `serve` command.
 */
import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { exitCodes, Failure } from "../../platform/failure.ts";
import { printable } from "../../platform/printable.ts";
import { checkout } from "../../targets/programs.ts";
import type { ServerSource } from "../../targets/server.ts";
import { git, HOME, isCheckout, repositoryOf } from "./checkout.ts";

/** A revision names servers of this project: one of another repository has nothing to do with them. */
function refuseForeign(revision: string): void {
  const fail = (why: string) => new Failure(exitCodes.usage, `--against ${revision}: ${why}`);
  const own = "it names a revision of sockbench itself";
  if (!isCheckout()) throw fail(`${own}, and ${HOME} is no checkout of it`);
  const here = repositoryOf(process.cwd());
  if (here !== undefined && here !== HOME)
    throw fail(`${own}, and you are in ${printable(here)}; run it from ${HOME}`);
}

/** Runs `measure` with the servers of the revision and of this tree, in this order. */
export async function withRevision<T>(
  revision: string,
  measure: (sources: ServerSource[]) => Promise<T>,
): Promise<T> {
  refuseForeign(revision);
  const commit = git(["rev-parse", "--verify", "--quiet", `${revision}^{commit}`]);
  if (!commit.ok) throw new Failure(exitCodes.usage, `--against ${revision}: git knows no such revision`);
  const folder = mkdtempSync(`${tmpdir()}/sockbench-against-`);
  const tree = `${folder}/tree`;
  try {
    const added = git(["worktree", "add", "--detach", tree, commit.text]);
    if (!added.ok)
      throw new Failure(exitCodes.unreachable, `--against ${revision}: ${added.text.split("\n").pop()}`);
    // The same dependencies on both sides: what is compared is our own code.
    symlinkSync(`${HOME}/node_modules`, `${tree}/node_modules`);
    return await measure([checkout(`bun@${commit.text.slice(0, 8)}`, tree), checkout("bun@here", HOME)]);
  } finally {
    git(["worktree", "remove", "--force", tree]);
    rmSync(folder, { recursive: true, force: true });
  }
}
