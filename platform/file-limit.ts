/**
 * How many files a process may have open, raised by setrlimit(2): each connection is one, at the server and at the
 * fleet, and what is started inherits the limit. Bun 1.4.5 raises the soft limit to the hard one by itself; past that
 * one only a process with CAP_SYS_RESOURCE may go, up to fs.nr_open.
 */
import { ptr } from "bun:ffi";
import { libc } from "./libc.ts";
import { fileLimit } from "./proc.ts";

/** As asm-generic/resource.h has it: other on MIPS, SPARC and Alpha, for which there is no Bun. */
const RLIMIT_NOFILE = 7;

/** Lets this process and those that it will start have `wanted` files open, if it may; returns how many it may have. */
export function allowFiles(wanted: number): number {
  const limit = fileLimit();
  if (!libc || !limit || limit.soft >= wanted) return limit?.soft ?? Number.POSITIVE_INFINITY;
  const both = BigUint64Array.of(BigInt(wanted), BigInt(Math.max(wanted, limit.hard)));
  return libc.setrlimit(RLIMIT_NOFILE, ptr(both)) === 0 ? wanted : limit.soft;
}
