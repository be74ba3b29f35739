// Builds a peer that is compiled, once for each state of its sources. Several processes may ask at the same time.
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";

const CACHE = join(import.meta.dir, "../../node_modules/.cache/sockbench");
const BUILD_TIMEOUT_MS = 300_000;

export type Recipe = {
  /** The folder of its sources beside this file, and part of the program's name. */
  language: string;
  /** How the names of its sources end. */
  endings: readonly string[];
  /** What makes the program `output`; run in the folder of the sources. */
  command: (output: string) => string[];
  env?: Record<string, string>;
};

/** The path of the built program. A broken build throws. */
export async function build({ language, endings, command, env = {} }: Recipe): Promise<string> {
  const sources = join(import.meta.dir, language);
  const binary = join(CACHE, `${language}-peer-${await hashOf(sources, endings, command("peer"))}`);
  if (existsSync(binary)) return binary;
  await mkdir(CACHE, { recursive: true });
  // Under a name of its own until it is whole: another process must never start half a binary.
  const unfinished = `${binary}.${process.pid}.${crypto.randomUUID()}`;
  try {
    const compiler = Bun.spawn(command(unfinished), {
      cwd: sources,
      env: { ...process.env, ...env },
      stdout: "ignore",
      stderr: "pipe",
      timeout: BUILD_TIMEOUT_MS,
      killSignal: "SIGKILL",
    });
    const [complaint, status] = await Promise.all([compiler.stderr.text(), compiler.exited]);
    if (status !== 0) {
      const how = compiler.signalCode ?? `exit ${status}`;
      throw new Error(`the build of ${sources} failed (${how}): ${complaint.trim()}`);
    }
    await rename(unfinished, binary);
  } finally {
    await rm(unfinished, { force: true });
  }
  return binary;
}

async function hashOf(
  sources: string,
  endings: readonly string[],
  command: readonly string[],
): Promise<string> {
  const hash = createHash("sha256").update(`${process.platform} ${process.arch} ${command.join(" ")}\n`);
  const names = (await readdir(sources)).filter((name) => endings.some((ending) => name.endsWith(ending)));
  for (const name of names.sort()) {
    hash
      .update(`${name}\n`)
      .update(await readFile(join(sources, name)))
      .update("\0");
  }
  return hash.digest("hex").slice(0, 16);
}
