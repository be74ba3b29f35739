import { expect, test } from "bun:test";
import type { Socket } from "bun";
import { type BulkRead, createBulkRead } from "./bulk-read.ts";
import { seededRandom } from "./random.ts";
import { fdOf } from "./socket-options.ts";

const SOCKETS = 20;
const BYTES = 400_000;

/** What the server sends on connection i: bytes of which no two streams have the same. */
function streamOf(i: number): Uint8Array {
  const random = seededRandom(i);
  return Uint8Array.from({ length: BYTES }, () => random() * 256);
}

/** A server that sends each connection its stream, and ends it as `end` says. */
function serve(streams: Uint8Array[], end: (socket: Socket<number>) => void) {
  let joined = 0;
  const sent = streams.map(() => 0);
  const push = (socket: Socket<number>) => {
    const i = socket.data;
    while (sent[i] < BYTES) {
      const taken = socket.write(streams[i], sent[i]);
      if (taken <= 0) return;
      sent[i] += taken;
    }
    end(socket);
  };
  return Bun.listen<number>({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      open(socket) {
        socket.data = joined++;
      },
      data: push,
      drain: push,
    },
  });
}

type Got = { hashes: string[]; bulk: number; ends: (Error | undefined)[] };

/** Reads all streams, by Bun and in bulk as it comes; resolves when every connection has ended. */
async function readAll(end: (socket: Socket<number>) => void): Promise<Got> {
  const streams = Array.from({ length: SOCKETS }, (_, i) => streamOf(i));
  const server = serve(streams, end);
  const hashers = streams.map(() => new Bun.CryptoHasher("sha256"));
  const got: Got = { hashes: [], bulk: 0, ends: [] };
  const done = Promise.withResolvers<void>();
  const buffer = new Uint8Array(600_000);
  let bulk: BulkRead | undefined;
  const sockets: Socket[] = [];
  for (let i = 0; i < SOCKETS; i++)
    sockets.push(
      await Bun.connect({
        hostname: "127.0.0.1",
        port: server.port,
        socket: {
          data(_, chunk) {
            hashers[i].update(chunk);
            bulk?.sweep();
          },
          close(_, error) {
            if (got.ends.push(error) === SOCKETS) done.resolve();
          },
        },
      }),
    );
  bulk = createBulkRead(
    sockets.map(fdOf),
    buffer,
    (index) => index,
    (index, bytes) => {
      got.bulk += bytes;
      hashers[index].update(buffer.subarray(index, index + bytes));
    },
  );
  for (const socket of sockets) socket.write("go");
  await done.promise;
  bulk?.close();
  server.stop(true);
  got.hashes = hashers.map((hasher) => hasher.digest("hex"));
  return got;
}

const hashes = () =>
  Array.from({ length: SOCKETS }, (_, i) => new Bun.CryptoHasher("sha256").update(streamOf(i)).digest("hex"));

test.if(process.platform === "linux")("every byte comes once and in its order, read beside Bun", async () => {
  const got = await readAll((socket) => socket.shutdown());
  expect(got.hashes).toEqual(hashes());
  expect(got.bulk).toBeGreaterThan(BYTES);
  expect(got.ends.every((error) => error === undefined)).toBe(true);
});

test.if(process.platform === "linux")("a reset is told as one", async () => {
  const got = await readAll((socket) => socket.terminate());
  expect(got.ends.map((error) => error && "code" in error && error.code)).toEqual(
    new Array(SOCKETS).fill("ECONNRESET"),
  );
});
