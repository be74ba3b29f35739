/** A server without a free descriptor: connections to it wait in the kernel, and nobody says so. */
import { serverProcesses } from "../platform/meter.ts";
import { openFilesOf } from "../platform/proc.ts";

/** A process that has this few files left to open cannot take a connection more. */
export const SPARE_FILES = 4;

/** Why a server takes no more connections, in words, if one of its processes has its file table full; how many files all have open. */
export function fileTables(server: readonly number[]): { full?: string; open: number } | undefined {
  const tables = serverProcesses(server).flatMap((pid) => openFilesOf(pid) ?? []);
  if (tables.length === 0) return undefined;
  const open = tables.reduce((sum, table) => sum + table.open, 0);
  const full = tables.find((table) => table.open >= table.limit - SPARE_FILES);
  if (!full) return { open };
  return {
    open,
    full: `the server's file table is full at ${full.limit} files; raise it with ulimit -n before it starts (connections past it wait in the kernel)`,
  };
}
