#!/usr/bin/env bun
/**
 * File transfer: `bun servers/tcp-file.ts --dir /srv/incoming --port 9000`. Bytes go to disk as they come: the socket
 * is paused while a write is under way, so memory does not grow with the file. The file appears under its name,
 * whole, by link(2), which fails where the name exists; a transfer that breaks leaves nothing.
 */
import { createHash } from "node:crypto";
import { writeSync } from "node:fs";
import { type FileHandle, link, lstat, mkdir, unlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Socket } from "bun";
import { printable } from "../platform/printable.ts";
import { ACCEPTED, FILE_PORT, NAME_BYTES, REFUSED, readName, receipt } from "../protocols/file.ts";
import { closeIdle } from "./idle.ts";
import { listenTcp } from "./listen.ts";
import {
  listeningUrl,
  type Running,
  type ServerSpec,
  seconds,
  standalone,
  type Where,
  wholeNumber,
} from "./standalone.ts";
import { createUnfinished, isUnfinished, removeAbandoned } from "./unfinished.ts";

const DEFAULT_MAX_BYTES = 1024 ** 3;
const IDLE_SECONDS = 60;
/** The table of open files, of this process or of all, is full (open(2)). */
const NO_DESCRIPTOR = new Set(["EMFILE", "ENFILE"]);

export type FileOptions = Where & { dir: string; maxBytes: number; idleSeconds: number };

type Transfer = {
  socket: Socket<Transfer>;
  lastHeard: number;
  /** What has come and is not written yet: one read, or two where a pause came too late for the second. */
  queue: Buffer[];
  working: boolean;
  /** Whether FIN has come; whether the connection has gone; whether all that matters is over. */
  ended: boolean;
  gone: boolean;
  over: boolean;
  head: Buffer;
  name?: string;
  file?: FileHandle;
  unfinished: string;
  bytes: number;
  hash: ReturnType<typeof createHash>;
};

export async function startFile(options: FileOptions): Promise<Running> {
  await mkdir(options.dir, { recursive: true });
  await removeAbandoned(options.dir);
  const transfers = new Set<Transfer>();
  /** Names in transfer: the second of two transfers of a name is refused at once, not after its whole body. */
  const taken = new Set<string>();
  const counters = { whole: 0, refused: 0, broken: 0, tooLong: 0, idle: 0 };

  /** Does what there is to do, one thing after another; called whenever something has come. */
  async function work(transfer: Transfer): Promise<void> {
    if (transfer.working || transfer.over) return;
    transfer.working = true;
    try {
      for (let chunk = transfer.queue.shift(); chunk && !transfer.over; chunk = transfer.queue.shift())
        await take(transfer, chunk);
      if (transfer.gone) await giveUp(transfer);
      else if (transfer.ended && !transfer.over) await finish(transfer);
    } catch (error) {
      const what = `${transfer.name ?? "a transfer"}: ${error instanceof Error ? error.message : error}`;
      console.error(printable(what));
      await giveUp(transfer);
    }
    transfer.working = false;
    if (!transfer.gone) transfer.socket.resume();
    // What came while the last step ran has found this worker busy.
    if (transfer.queue.length > 0 || ((transfer.ended || transfer.gone) && !transfer.over))
      await work(transfer);
  }

  async function take(transfer: Transfer, chunk: Buffer): Promise<void> {
    if (transfer.file) return store(transfer, chunk);
    transfer.head = Buffer.concat([transfer.head, chunk]);
    if (transfer.head.length < NAME_BYTES) return;
    const { head } = transfer;
    transfer.head = Buffer.alloc(0);
    if (!(await accept(transfer, head.subarray(0, NAME_BYTES)))) return refuse(transfer);
    transfer.socket.write(ACCEPTED);
    if (head.length > NAME_BYTES) await store(transfer, head.subarray(NAME_BYTES));
  }

  async function accept(transfer: Transfer, padded: Uint8Array): Promise<boolean> {
    const name = readName(padded);
    if (name === undefined || isUnfinished(name) || taken.has(name)) return false;
    taken.add(name);
    transfer.name = name;
    if (await lstat(join(options.dir, name)).catch(() => undefined)) return false;
    const unfinished = await createUnfinished(options.dir).catch((error) => {
      // Refused, it lets go of its own descriptor; waiting for another one, it would hold that for ever.
      if (NO_DESCRIPTOR.has(error.code)) return undefined;
      throw error;
    });
    if (!unfinished) return false;
    transfer.file = unfinished.file;
    transfer.unfinished = unfinished.path;
    return true;
  }

  function refuse(transfer: Transfer): void {
    counters.refused++;
    transfer.socket.write(REFUSED);
    close(transfer);
  }

  /** Ends a connection in an orderly way; what still comes is read and thrown away. */
  function close(transfer: Transfer): void {
    release(transfer);
    transfer.socket.shutdown();
    listener.linger(transfer.socket);
  }

  function release(transfer: Transfer): void {
    transfer.over = true;
    transfer.queue = [];
    if (transfer.name !== undefined) taken.delete(transfer.name);
  }

  async function store(transfer: Transfer, chunk: Buffer): Promise<void> {
    transfer.bytes += chunk.length;
    if (transfer.bytes > options.maxBytes) {
      counters.tooLong++;
      return giveUp(transfer);
    }
    // At most one read of 512 KiB, and into the page cache: less CPU than the way to another thread and back
    // (Bun 1.4.5). Half of what is left is the digest, which comes second, the bytes still in the CPU's cache.
    for (let at = 0; at < chunk.length; ) at += writeSync(transfer.file!.fd, chunk, at);
    transfer.hash.update(chunk);
  }

  /** FIN has come: the file gets its name, and the sender its receipt. */
  async function finish(transfer: Transfer): Promise<void> {
    const { file, name, unfinished } = transfer;
    if (!file || name === undefined) return giveUp(transfer);
    await file.close();
    // Not rename(2), which would replace a file that someone else has made meanwhile.
    await link(unfinished, join(options.dir, name));
    await unlink(unfinished);
    counters.whole++;
    transfer.socket.write(receipt(transfer.bytes, transfer.hash.digest("hex")));
    close(transfer);
  }

  /** Nothing of the transfer stays, and the sender sees a reset instead of a receipt. */
  async function giveUp(transfer: Transfer): Promise<void> {
    if (transfer.over) return;
    counters.broken++;
    const { file } = transfer;
    transfer.over = true;
    await file?.close().catch(() => {});
    if (file) await unlink(transfer.unfinished).catch(() => {});
    release(transfer);
    transfer.socket.terminate();
  }

  function gone(transfer: Transfer): void {
    transfers.delete(transfer);
    transfer.gone = true;
    transfer.queue = [];
    work(transfer);
  }

  const listener = listenTcp<Transfer>(options, {
    open(socket) {
      socket.data = newTransfer(socket);
      transfers.add(socket.data);
    },
    data(transfer, chunk) {
      transfer.lastHeard = performance.now();
      if (transfer.over) return;
      transfer.queue.push(chunk);
      transfer.socket.pause();
      work(transfer);
    },
    end(transfer) {
      transfer.ended = true;
      work(transfer);
    },
    close: gone,
  });
  const stopSweep = closeIdle(
    transfers,
    (transfer) => transfer.lastHeard,
    options.idleSeconds,
    (transfer) => {
      if (transfer.working) return; // the disk is slow, not the peer
      counters.idle++;
      transfer.socket.terminate();
    },
  );
  return {
    url: listeningUrl("tcp", options, listener.port),
    stop: async () => {
      stopSweep();
      listener.close();
      await Promise.all([...transfers].map(giveUp));
      listener.stop();
    },
    counters: () => ({
      "files received": counters.whole,
      "transfers refused": counters.refused,
      "transfers broken off": counters.broken,
      "transfers over --max-bytes": counters.tooLong,
      "idle connections closed": counters.idle,
    }),
  };
}

function newTransfer(socket: Socket<Transfer>): Transfer {
  return {
    socket,
    lastHeard: performance.now(),
    queue: [],
    working: false,
    ended: false,
    gone: false,
    over: false,
    head: Buffer.alloc(0),
    unfinished: "",
    bytes: 0,
    hash: createHash("sha256"),
  };
}

export const fileServer: ServerSpec = {
  summary: "file transfer: a name, consent, the body up to FIN, a receipt",
  protocol: () => "file",
  port: () => FILE_PORT,
  options: (program) =>
    program
      .option("--dir <directory>", "where files go", join(tmpdir(), "sockbench-files"))
      .option("--max-bytes <number>", "most bytes of one transfer", wholeNumber(0), DEFAULT_MAX_BYTES)
      .option("--idle-timeout <seconds>", "break off a transfer that is silent", seconds, IDLE_SECONDS),
  streams: true,
  start: (options) =>
    startFile({
      ...options,
      dir: String(options.dir),
      maxBytes: Number(options.maxBytes),
      idleSeconds: Number(options.idleTimeout),
    }),
};

export default fileServer;
if (import.meta.main) await standalone(fileServer);
