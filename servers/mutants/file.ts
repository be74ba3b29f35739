#!/usr/bin/env bun
/** A file server with one fault: `bun servers/mutants/file.ts --dir . --fault believes-paths`. */
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Socket } from "bun";
import { type Running, type ServerSpec, standalone, urlOf } from "../standalone.ts";

export const fileFaults = {
  none: "no fault",
  zeros: "the buffer that is kept is not the one that was read: the file is all zeros",
  "believes-paths": "a path separator in a name is believed",
  "believes-dots": "the names . and .. are taken",
  "takes-no-name": "an empty name is taken",
  "takes-any-bytes": "a name that is no UTF-8 is taken",
  "takes-backslashes": "a backslash in a name is taken",
  "takes-behind-nul": "what stands behind the padding of a name is passed over",
  overwrites: "an existing file is overwritten",
  "one-read-name": "one read is taken for the name",
  "ascii-names": "a name with other letters than ASCII is refused",
  "text-body": "the body is decoded and encoded again",
  "first-megabyte": "the body is cut after a megabyte",
  "loses-early-body": "what comes together with the name is not taken for the body",
  "no-empty-files": "an empty body is not confirmed",
  "answers-ok": "the answer is OK, not one byte",
  "no-hash": "the confirmation has no SHA-256",
  "stays-open": "the connection is not closed after the confirmation",
  "writes-at-once": "the file stands under its name from the first byte",
  "keeps-the-broken": "of a transfer that breaks off the part that came is kept",
  "one-at-a-time": "while one transfer goes on, others wait",
  "one-body": "transfers at the same time share one buffer",
  "confirms-unasked": "the number of bytes is told after every read",
  "half-a-second": "a connection is ended half a second after its beginning",
  "waits-for-ever": "a connection that ends within the name is kept",
} as const;

type Transfer = { block: Buffer; name?: string; body: Buffer[]; answered: boolean; done: boolean };

export function startFileMutant(options: {
  host: string;
  port: number;
  dir: string;
  fault: string;
}): Running {
  const { host, port, dir, fault } = options;
  const has = (name: keyof typeof fileFaults) => fault === name;
  let sharedBody: Buffer[] = [];
  let busy: Socket<Transfer> | undefined;

  /** The name that the block holds; undefined when it is refused. */
  function nameOf(block: Buffer): string | undefined {
    const end = block.indexOf(0);
    const bytes = end < 0 ? block : block.subarray(0, end);
    const name = bytes.toString();
    if (!has("takes-behind-nul") && end >= 0 && block.subarray(end).some((byte) => byte !== 0))
      return undefined;
    if (!has("takes-any-bytes") && !Buffer.from(name).equals(bytes)) return undefined;
    if (!has("takes-no-name") && name === "") return undefined;
    if (!has("believes-dots") && (name === "." || name === "..")) return undefined;
    if (!has("believes-paths") && name.includes("/")) return undefined;
    if (!has("takes-backslashes") && name.includes("\\")) return undefined;
    if (has("ascii-names") && /[^ -~]/.test(name)) return undefined;
    if (
      !has("overwrites") &&
      name !== "" &&
      !name.includes("..") &&
      /[^.]/.test(name) &&
      existsSync(pathOf(name))
    )
      return undefined;
    return name;
  }

  /** Never outside of the directory, whatever the fault: the answer tells that a name was believed. */
  const pathOf = (name: string) => join(dir, name.replaceAll("..", "up").replace(/^\/+/, "") || "unnamed");

  function write(name: string, body: Uint8Array): void {
    mkdirSync(dirname(pathOf(name)), { recursive: true });
    writeFileSync(name === "." ? join(dir, "dot") : pathOf(name), body);
  }

  function receive(socket: Socket<Transfer>, bytes: Buffer): void {
    const { data } = socket;
    if (has("one-at-a-time") && busy && busy !== socket)
      return void setTimeout(() => receive(socket, bytes), 20);
    let rest = bytes;
    if (data.block.length < 1024) {
      const needed = has("one-read-name") ? bytes.length : 1024 - data.block.length;
      data.block = Buffer.concat([data.block, bytes.subarray(0, needed)]);
      rest = has("loses-early-body") ? Buffer.alloc(0) : bytes.subarray(needed);
      if (has("one-read-name"))
        data.block = Buffer.concat([data.block, Buffer.alloc(1024)]).subarray(0, 1024);
      if (data.block.length < 1024) return;
      busy = socket;
      const name = nameOf(data.block);
      socket.write(name === undefined ? "N" : has("answers-ok") ? "OK" : "Y");
      if (name === undefined) {
        data.done = true;
        busy = undefined;
        socket.shutdown();
        return;
      }
      data.name = name;
    }
    if (data.done || rest.length === 0) return;
    const body = has("one-body") ? sharedBody : data.body;
    body.push(Buffer.from(has("text-body") ? rest.toString() : rest));
    if (has("confirms-unasked")) socket.write(`${rest.length}\n`);
    if (has("writes-at-once") && body.length === 1) write(data.name ?? "", rest);
  }

  function finish(socket: Socket<Transfer>): void {
    const { data } = socket;
    if (data.name === undefined) {
      if (!has("waits-for-ever")) socket.shutdown();
      return;
    }
    if (data.done) return;
    data.done = true;
    busy = undefined;
    let body: Buffer = Buffer.concat(has("one-body") ? sharedBody : data.body);
    sharedBody = [];
    if (has("first-megabyte")) body = body.subarray(0, 1_000_000);
    if (has("zeros")) body = Buffer.alloc(body.length);
    write(data.name, body);
    const hash = new Bun.CryptoHasher("sha256").update(body).digest("hex");
    if (!has("no-empty-files") || body.length > 0)
      socket.write(has("no-hash") ? `${body.length}\n` : `${body.length} ${hash}\n`);
    if (!has("stays-open")) socket.shutdown();
  }

  function closed({ data }: Socket<Transfer>): void {
    if (data.done || data.name === undefined) return;
    busy = undefined;
    if (has("keeps-the-broken")) write(data.name, Buffer.concat(data.body));
    else rmSync(pathOf(data.name), { force: true });
  }

  const listener = Bun.listen<Transfer>({
    hostname: host,
    port,
    allowHalfOpen: true,
    socket: {
      open(socket) {
        socket.data = { block: Buffer.alloc(0), body: [], answered: false, done: false };
        if (has("half-a-second")) setTimeout(() => socket.terminate(), 500);
      },
      data: receive,
      end: finish,
      close: closed,
    },
  });
  return { url: urlOf("tcp", host, listener.port), stop: () => listener.stop(true) };
}

export const fileMutant: ServerSpec = {
  summary: "file transfer with one fault",
  protocol: () => "file",
  port: () => 9000,
  options: (program) =>
    program
      .addOption(
        program
          .createOption("--fault <name>", "what is wrong")
          .choices(Object.keys(fileFaults))
          .default("none"),
      )
      .option("--dir <directory>", "where the files go", "."),
  start: ({ host, port, dir, fault }) =>
    startFileMutant({ host, port, dir: String(dir), fault: String(fault) }),
};

if (import.meta.main) await standalone(fileMutant);
