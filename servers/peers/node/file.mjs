// file: one file a connection, whole or not at all, never over another one.
import { isUtf8 } from "node:buffer";
import { createHash, randomUUID } from "node:crypto";
import { statSync } from "node:fs";
import { link, lstat, open, unlink } from "node:fs/promises";
import { join } from "node:path";
import { wholeNumber } from "./standalone.mjs";
import { linger, tcpServer } from "./tcp.mjs";

const NAME_FIELD = 1_024;
const PATIENCE_MS = 60_000; // a sender that is silent for longer has broken off

function directory(path) {
  if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) throw new Error("not a directory");
  return path;
}

/** The name in the field: one that stays in the directory, then NULs only. Undefined if it is anything else. */
function bareName(field) {
  const end = field.indexOf(0);
  const bytes = end < 0 ? field : field.subarray(0, end);
  if (end >= 0 && field.subarray(end).some((byte) => byte !== 0)) return undefined;
  if (bytes.length === 0 || !isUtf8(bytes)) return undefined;
  const name = bytes.toString();
  return name === "." || name === ".." || /[/\\]/.test(name) ? undefined : name;
}

/** Reads the connection in step with the disk, and leaves it open for the answer when the sender has half-closed. */
const chunksOf = (socket) => socket.iterator({ destroyOnReturn: false });

async function readName(chunks) {
  const parts = [];
  let size = 0;
  while (size < NAME_FIELD) {
    const { done, value } = await chunks.next();
    if (done) return { field: Buffer.alloc(0), rest: Buffer.alloc(0) };
    parts.push(value);
    size += value.length;
  }
  const bytes = Buffer.concat(parts);
  return { field: bytes.subarray(0, NAME_FIELD), rest: bytes.subarray(NAME_FIELD) };
}

function fileServer({ dir, "max-bytes": maxBytes }) {
  const arriving = new Set(); // names whose transfer is under way
  const transfers = new Set();

  const receive = async (socket) => {
    const chunks = chunksOf(socket);
    const { field, rest } = await readName(chunks);
    const name = bareName(field);
    if (name === undefined || arriving.has(name)) return refuse(socket, chunks);
    arriving.add(name);
    try {
      if (await cannotBe(join(dir, name))) return await refuse(socket, chunks);
      await store(socket, chunks, rest, join(dir, name));
    } finally {
      arriving.delete(name);
    }
  };

  const store = async (socket, chunks, first, target) => {
    const temporary = join(dir, `.arriving-${randomUUID()}`);
    const file = await open(temporary, "wx").catch(() => undefined);
    if (file === undefined) return refuse(socket, chunks);
    try {
      socket.write("Y");
      const hash = createHash("sha256");
      let size = 0;
      for (let chunk = first; chunk !== undefined; chunk = (await chunks.next()).value) {
        size += chunk.length;
        if (size > maxBytes) return socket.resetAndDestroy();
        hash.update(chunk);
        await file.writeFile(chunk);
      }
      await file.close();
      await link(temporary, target); // a link, unlike a rename, never replaces what is there
      await unlink(temporary); // before the receipt: who has it finds one file
      socket.write(`${size} ${hash.digest("hex")}\n`);
      linger(socket);
    } finally {
      await file.close().catch(() => {});
      await unlink(temporary).catch(() => {}); // there is none any more after a whole transfer
    }
  };

  const { server, stop } = tcpServer((socket) => {
    socket.setTimeout(PATIENCE_MS, () => socket.destroy());
    const transfer = receive(socket)
      .catch(() => socket.destroy()) // a broken transfer, or a full disk: nothing is left, nothing is confirmed
      .finally(() => transfers.delete(transfer));
    transfers.add(transfer);
  });
  return {
    server,
    stop: async () => {
      stop();
      await Promise.all(transfers); // their temporary files go with them
    },
  };
}

async function refuse(socket, chunks) {
  socket.write("N");
  await chunks.return(); // what still comes is no longer ours to read
  linger(socket);
}

/** A name that exists, or that cannot. */
const cannotBe = (path) =>
  lstat(path).then(
    () => true,
    (error) => error.code !== "ENOENT",
  );

export const protocol = {
  scheme: "tcp",
  port: 9000,
  flags: {
    dir: { value: ".", parse: directory },
    "max-bytes": { value: 2 ** 30, parse: wholeNumber(0, Number.MAX_SAFE_INTEGER, "not a number of bytes") },
  },
  create: fileServer,
};
