/**
 * Files that are not whole yet. Each has a name that nobody else will take, and is locked (flock(2)) by the process
 * that writes it: the kernel lets go of the lock when that process ends, however it ends. So what a killed server has
 * left is known, by whoever uses the directory next, from what another server is just writing.
 */
import { randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, open, readdir, unlink } from "node:fs/promises";
import { join } from "node:path";
import { libc } from "../platform/libc.ts";

const PREFIX = ".unfinished-";
const LOCK_EX = 2;
const LOCK_NB = 4;

export const isUnfinished = (name: string): boolean => name.startsWith(PREFIX);

export async function createUnfinished(dir: string): Promise<{ file: FileHandle; path: string }> {
  const path = join(dir, `${PREFIX}${randomBytes(12).toString("hex")}`);
  const file = await open(path, "wx");
  libc?.flock(file.fd, LOCK_EX);
  if ((await file.stat()).nlink > 0) return { file, path };
  // A server that was just starting has found it before the lock, and removed it.
  await file.close();
  return createUnfinished(dir);
}

/** Removes what nobody writes any more. Without locks (not Linux, some network file systems) nothing is removed. */
export async function removeAbandoned(dir: string): Promise<void> {
  for (const name of (await readdir(dir)).filter(isUnfinished))
    await removeIfAbandoned(join(dir, name)).catch(() => {}); // it has gone meanwhile, or is no file
}

async function removeIfAbandoned(path: string): Promise<void> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    if (libc?.flock(file.fd, LOCK_EX | LOCK_NB) === 0) await unlink(path);
  } finally {
    await file.close();
  }
}
