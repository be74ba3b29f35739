/** A protocol that is none of ours, from its file: what an agent takes, and compares with the bench's copy. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { exitCodes, Failure } from "../../platform/failure.ts";
import { findProtocol, type Protocol } from "../../protocols/index.ts";

/** The default export of a file. @throws Failure where there is none, or no protocol in it */
export async function loadProtocol(path: string): Promise<Protocol> {
  const fail = (why: string) => new Failure(exitCodes.usage, `--protocol ${path}: ${why}`);
  const module = resolve(path);
  if (!(await Bun.file(module).exists())) throw fail("there is no such file");
  let protocol: Protocol | undefined;
  try {
    protocol = (await import(module)).default;
  } catch (error) {
    throw fail(error instanceof Error ? error.message.split("\n")[0] : String(error));
  }
  if (typeof protocol?.name !== "string") throw fail("its default export is no protocol");
  return { ...protocol, module };
}

/** Of a protocol's file, so that copies can be compared. */
export const hashOf = (path: string): string => createHash("sha256").update(readFileSync(path)).digest("hex");

/** Name and hash of a protocol that comes from a file. */
export function protocolFile(name: string | undefined): { name: string; hash: string } | undefined {
  const module = name === undefined ? undefined : findProtocol(name)?.module;
  return name === undefined || module === undefined ? undefined : { name, hash: hashOf(module) };
}
