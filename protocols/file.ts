/** File transfer: a name of fixed size, one byte of consent, the body up to FIN, and a receipt. */
import { defineProtocol } from "./define.ts";
import { unbounded } from "./framing.ts";

export const FILE_PORT = 9000;
/** The name, padded with NUL. */
export const NAME_BYTES = 1024;
export const ACCEPTED = "Y";
export const REFUSED = "N";
/** The longest file name of the usual file systems (NAME_MAX, limits.h). */
const MAX_NAME_BYTES = 255;

/** The bare file name in a padded name; undefined for what could lead elsewhere or is none. */
export function readName(padded: Uint8Array): string | undefined {
  const end = padded.indexOf(0);
  const bytes = end < 0 ? padded : padded.subarray(0, end);
  if (padded.subarray(bytes.length).some((byte) => byte !== 0)) return undefined;
  if (bytes.length === 0 || bytes.length > MAX_NAME_BYTES) return undefined;
  let name: string;
  try {
    name = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
  return name === "." || name === ".." || /[/\\]/.test(name) ? undefined : name;
}

/** A name as it is sent. */
export function writeName(name: string): Uint8Array {
  const padded = new Uint8Array(NAME_BYTES);
  new TextEncoder().encodeInto(name, padded);
  return padded;
}

/** What confirms a whole transfer. */
export const receipt = (bytes: number, sha256: string): string => `${bytes} ${sha256}\n`;

export const file = defineProtocol({ name: "file", port: FILE_PORT, framing: unbounded(), files: true });
