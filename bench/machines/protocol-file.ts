/** A protocol that comes from a file: what an agent compares its own copy with the bench's by. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { findProtocol } from "../../protocols/index.ts";

/** Of a protocol's file, so that copies can be compared. */
export const hashOf = (path: string): string => createHash("sha256").update(readFileSync(path)).digest("hex");

/** Name and hash of a protocol that comes from a file. */
export function protocolFile(name: string | undefined): { name: string; hash: string } | undefined {
  const module = name === undefined ? undefined : findProtocol(name)?.module;
  return name === undefined || module === undefined ? undefined : { name, hash: hashOf(module) };
}
