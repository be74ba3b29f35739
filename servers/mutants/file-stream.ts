#!/usr/bin/env bun
/** A file server with one fault of its stream: `bun servers/mutants/file-stream.ts --fault drops`. It stores nothing, but for its receipts. */
import { createHash, type Hash } from "node:crypto";
import { ACCEPTED, FILE_PORT, NAME_BYTES, REFUSED, receipt } from "../../protocols/file.ts";
import { type Running, type ServerSpec, standalone, urlOf } from "../standalone.ts";

export const fileFaults = {
  none: "no fault",
  drops: "every third read is lost",
  zeros: "the buffer that is kept is not the one that was read: zeros of the same length",
  refuses: "every name is refused",
  silent: "no receipt is sent",
} as const;

export type FileFault = keyof typeof fileFaults;

type Transfer = { head: Buffer; accepted: boolean; bytes: number; reads: number; hash: Hash };

/** What the fault leaves of a read. */
const kept: Record<FileFault, (chunk: Buffer, reads: number) => Buffer> = {
  none: (chunk) => chunk,
  refuses: (chunk) => chunk,
  silent: (chunk) => chunk,
  drops: (chunk, reads) => (reads % 3 === 0 ? Buffer.alloc(0) : chunk),
  zeros: (chunk) => Buffer.alloc(chunk.length),
};

export function startFileMutant({
  host,
  port,
  fault,
}: {
  host: string;
  port: number;
  fault: FileFault;
}): Running {
  function take(transfer: Transfer, chunk: Buffer): void {
    const bytes = kept[fault](chunk, ++transfer.reads);
    transfer.bytes += bytes.length;
    transfer.hash.update(bytes);
  }

  const listener = Bun.listen<Transfer>({
    hostname: host,
    port,
    allowHalfOpen: true,
    socket: {
      open(socket) {
        const hash = createHash("sha256");
        socket.data = { head: Buffer.alloc(0), accepted: false, bytes: 0, reads: 0, hash };
      },
      data(socket, chunk) {
        const transfer = socket.data;
        if (transfer.accepted) return take(transfer, chunk);
        transfer.head = Buffer.concat([transfer.head, chunk]);
        if (transfer.head.length < NAME_BYTES) return;
        transfer.accepted = true;
        socket.write(fault === "refuses" ? REFUSED : ACCEPTED);
        if (transfer.head.length > NAME_BYTES) take(transfer, transfer.head.subarray(NAME_BYTES));
      },
      end(socket) {
        const { bytes, hash } = socket.data;
        if (fault !== "silent") socket.write(receipt(bytes, hash.digest("hex")));
        socket.shutdown();
      },
    },
  });
  return { url: urlOf("tcp", host, listener.port), stop: () => listener.stop(true) };
}

export const fileMutant: ServerSpec = {
  summary: "file transfer with one fault",
  protocol: () => "file",
  port: () => FILE_PORT,
  options: (program) =>
    program.addOption(
      program
        .createOption("--fault <name>", "what is wrong")
        .choices(Object.keys(fileFaults))
        .default("none"),
    ),
  start: ({ host, port, fault }) => startFileMutant({ host, port, fault: fault as FileFault }),
};

if (import.meta.main) await standalone(fileMutant);
