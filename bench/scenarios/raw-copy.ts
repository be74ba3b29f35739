#!/usr/bin/env bun
/**
 * The plainest copy through a socket, like `nc -l > file`: what comes is written into a file, with no protocol
 * and no digest. What file transfer costs beyond this is the protocol's and the server's doing.
 */
import { closeSync, mkdirSync, openSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Running, type ServerSpec, standalone, urlOf } from "../../servers/standalone.ts";

type Copy = { fd: number };

function startRawCopy({ host, port, dir }: { host: string; port: number; dir: string }): Running {
  mkdirSync(dir, { recursive: true });
  let count = 0;
  const close = ({ data }: { data: Copy }) => {
    if (data.fd >= 0) closeSync(data.fd);
    data.fd = -1;
  };
  const listener = Bun.listen<Copy>({
    hostname: host,
    port,
    allowHalfOpen: true,
    socket: {
      open(socket) {
        socket.data = { fd: openSync(join(dir, `copy-${process.pid}-${++count}`), "wx") };
      },
      data(socket, chunk) {
        for (let at = 0; at < chunk.length; ) at += writeSync(socket.data.fd, chunk, at);
      },
      end(socket) {
        close(socket);
        socket.shutdown();
      },
      close,
      error: close,
    },
  });
  return { url: urlOf("tcp", host, listener.port), stop: () => listener.stop(true) };
}

const rawCopy: ServerSpec = {
  summary: "a copy through a socket, with no protocol",
  protocol: () => "raw copy",
  port: () => 0,
  options: (program) =>
    program.option("--dir <directory>", "where files go", join(tmpdir(), "sockbench-files")),
  start: ({ host, port, dir }) => startRawCopy({ host, port, dir: String(dir) }),
};

export default rawCopy;
if (import.meta.main) await standalone(rawCopy);
