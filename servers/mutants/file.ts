#!/usr/bin/env bun
/**
 * A file server with one fault: `bun servers/mutants/file.ts --dir . --fault believes-paths`.
 * The plainest that is right (`--fault none`): a body waits in memory until it is whole.
 */
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Socket } from "bun";
import { ACCEPTED, FILE_PORT, NAME_BYTES, REFUSED, receipt } from "../../protocols/file.ts";
import { type Running, type ServerSpec, standalone, urlOf } from "../standalone.ts";
import { type Connections, connectionFaults } from "./connections.ts";
import { addFaultOption, type Faults, withFault, without } from "./fault.ts";

type Transfer = { block: Buffer; name?: string; body: Buffer[]; done: boolean };
type Sender = Socket<Transfer>;

/** The decisions of the server. */
type FileServer = Connections<Sender> & {
  receive: (sender: Sender, bytes: Buffer) => void;
  /** Takes from a read what belongs to the name; what is left of it. */
  takeName: (transfer: Transfer, bytes: Buffer) => Buffer;
  /** What is wrong with a name; each refuses it. */
  nameRules: Readonly<Record<string, (name: string, block: Buffer) => boolean>>;
  accepted: string;
  /** A read of the body. */
  store: (sender: Sender, bytes: Buffer) => void;
  bodyOf: (transfer: Transfer) => Buffer;
  write: (name: string, body: Uint8Array) => void;
  /** FIN has come: within the name, and behind a body. */
  endedEarly: (sender: Sender) => void;
  finish: (sender: Sender) => void;
  receipt: (body: Buffer) => string;
  /** After the confirmation. */
  close: (sender: Sender) => void;
  /** A transfer broke off. */
  broken: (transfer: Transfer) => void;
  pathOf: (name: string) => string;
};

/** What of a block stands before its padding. */
const bareName = (block: Buffer) => block.subarray(0, block.includes(0) ? block.indexOf(0) : block.length);

function plainFiles(dir: string): FileServer {
  const files: FileServer = {
    opened() {},
    reset: (sender) => void sender.terminate(),
    receive(sender, bytes) {
      const { data } = sender;
      const rest = data.name === undefined ? files.takeName(data, bytes) : bytes;
      if (data.name === undefined && data.block.length === NAME_BYTES) judgeName(files, sender);
      if (!data.done && data.name !== undefined && rest.length > 0) files.store(sender, rest);
    },
    takeName(transfer, bytes) {
      const needed = NAME_BYTES - transfer.block.length;
      transfer.block = Buffer.concat([transfer.block, bytes.subarray(0, needed)]);
      return bytes.subarray(needed);
    },
    nameRules: {
      "behind NUL": (_name, block) => block.subarray(bareName(block).length).some((byte) => byte !== 0),
      bytes: (name, block) => !Buffer.from(name).equals(bareName(block)),
      empty: (name) => name === "",
      dots: (name) => name === "." || name === "..",
      path: (name) => name.includes("/"),
      backslash: (name) => name.includes("\\"),
      exists: (name) => /[^.]/.test(name) && !name.includes("..") && existsSync(files.pathOf(name)),
    },
    accepted: ACCEPTED,
    store: ({ data }, bytes) => void data.body.push(bytes),
    bodyOf: ({ body }) => Buffer.concat(body),
    write(name, body) {
      mkdirSync(dirname(files.pathOf(name)), { recursive: true });
      writeFileSync(name === "." ? join(dir, "dot") : files.pathOf(name), body);
    },
    endedEarly: (sender) => void sender.shutdown(),
    finish(sender) {
      const body = files.bodyOf(sender.data);
      files.write(sender.data.name ?? "", body);
      sender.write(files.receipt(body));
      files.close(sender);
    },
    receipt: (body) => receipt(body.length, new Bun.CryptoHasher("sha256").update(body).digest("hex")),
    close: (sender) => void sender.shutdown(),
    broken: ({ name = "" }) => rmSync(files.pathOf(name), { force: true }),
    // Never outside of the directory, whatever the fault: the answer tells that a name was believed.
    pathOf: (name) => join(dir, name.replaceAll("..", "up").replace(/^\/+/, "") || "unnamed"),
  };
  return files;
}

function judgeName(files: FileServer, sender: Sender): void {
  const { data } = sender;
  const name = bareName(data.block).toString();
  if (Object.values(files.nameRules).some((wrong) => wrong(name, data.block))) {
    data.done = true;
    sender.write(REFUSED);
    sender.shutdown();
    return;
  }
  data.name = name;
  sender.write(files.accepted);
}

const withoutRule =
  (name: string) =>
  ({ nameRules }: FileServer): Partial<FileServer> => ({ nameRules: without(nameRules, name) });

const nameFaults = {
  "believes-paths": {
    words: "a path separator in a name is believed",
    fails: "2.2-4 2.10",
    change: withoutRule("path"),
  },
  "believes-dots": { words: "the names . and .. are taken", fails: "2.5 2.6", change: withoutRule("dots") },
  "takes-no-name": { words: "an empty name is taken", fails: "2.1", change: withoutRule("empty") },
  "takes-any-bytes": {
    words: "a name that is no UTF-8 is taken",
    fails: "2.7",
    change: withoutRule("bytes"),
  },
  "takes-backslashes": {
    words: "a backslash in a name is taken",
    fails: "2.8",
    change: withoutRule("backslash"),
  },
  "takes-behind-nul": {
    words: "what stands behind the padding of a name is passed over",
    fails: "2.9",
    change: withoutRule("behind NUL"),
  },
  overwrites: { words: "an existing file is overwritten", fails: "2.11", change: withoutRule("exists") },
  "ascii-names": {
    words: "a name with other letters than ASCII is refused",
    fails: "1.10",
    change: ({ nameRules }) => ({ nameRules: { ...nameRules, ascii: (name) => /[^ -~]/.test(name) } }),
  },
  "one-read-name": {
    words: "one read is taken for the name",
    fails: "1.6 1.12 3.2",
    change: () => ({
      takeName(transfer, bytes) {
        transfer.block = Buffer.concat([bytes, Buffer.alloc(NAME_BYTES)]).subarray(0, NAME_BYTES);
        return Buffer.alloc(0);
      },
    }),
  },
  "loses-early-body": {
    words: "what comes together with the name is not taken for the body",
    fails: "1.12",
    change: ({ takeName }) => ({
      takeName(transfer, bytes) {
        takeName(transfer, bytes);
        return Buffer.alloc(0);
      },
    }),
  },
  "waits-for-ever": {
    words: "a connection that ends within the name is kept",
    fails: "3.2",
    change: () => ({ endedEarly() {} }),
  },
} as const satisfies Faults<FileServer>;

/** Makes another file of the body. */
const keeping =
  (change: (body: Buffer) => Buffer) =>
  ({ bodyOf }: FileServer): Partial<FileServer> => ({ bodyOf: (transfer) => change(bodyOf(transfer)) });

const bodyFaults = {
  zeros: {
    words: "the buffer that is kept is not the one that was read: the file is all zeros",
    fails: "1.1 1.3-5 1.7-12 2.11 3.3",
    change: keeping((body) => Buffer.alloc(body.length)),
  },
  "first-megabyte": {
    words: "the body is cut after a megabyte",
    fails: "1.4",
    change: keeping((body) => body.subarray(0, 1_000_000)),
  },
  "text-body": {
    words: "the body is decoded and encoded again",
    fails: "1.3-5 1.8 1.11 1.12 2.11 3.3",
    change: ({ store }) => ({ store: (sender, bytes) => store(sender, Buffer.from(bytes.toString())) }),
  },
  "one-body": {
    words: "transfers at the same time share one buffer",
    fails: "1.9 3.1 3.3",
    change() {
      let shared: Buffer[] = [];
      return {
        store: (_sender, bytes) => void shared.push(bytes),
        bodyOf() {
          const body = Buffer.concat(shared);
          shared = [];
          return body;
        },
      };
    },
  },
  "writes-at-once": {
    words: "the file stands under its name from the first byte",
    fails: "1.11",
    change: ({ store, write }) => ({
      store(sender, bytes) {
        const { name = "", body } = sender.data;
        if (body.length === 0) write(name, bytes);
        store(sender, bytes);
      },
    }),
  },
  "keeps-the-broken": {
    words: "of a transfer that breaks off the part that came is kept",
    fails: "3.1",
    change: ({ write, bodyOf }) => ({
      broken: (transfer) => write(transfer.name ?? "", bodyOf(transfer)),
    }),
  },
  "one-at-a-time": {
    words: "while one transfer goes on, others wait",
    fails: "1.9 3.3",
    change({ receive, finish, broken }) {
      let busy: Transfer | undefined;
      return {
        receive: function later(sender, bytes): void {
          if (busy && busy !== sender.data) return void setTimeout(() => later(sender, bytes), 20);
          receive(sender, bytes);
          if (sender.data.name !== undefined && !sender.data.done) busy = sender.data;
        },
        finish(sender) {
          finish(sender);
          busy = undefined;
        },
        broken(transfer) {
          broken(transfer);
          busy = undefined;
        },
      };
    },
  },
} as const satisfies Faults<FileServer>;

const answerFaults = {
  "answers-ok": {
    words: "the answer is OK, not one byte",
    fails: "1.1-12 2.11 3.1 3.3",
    change: () => ({ accepted: "OK" }),
  },
  "no-hash": {
    words: "the confirmation has no SHA-256",
    fails: "1.1-12 2.11 3.3",
    change: () => ({ receipt: (body) => `${body.length}\n` }),
  },
  "no-empty-files": {
    words: "an empty body is not confirmed",
    fails: "1.2 1.6",
    change: ({ receipt }) => ({ receipt: (body) => (body.length > 0 ? receipt(body) : "") }),
  },
  "confirms-unasked": {
    words: "the number of bytes is told after every read",
    fails: "1.1 1.3-5 1.7-12 2.11 3.3",
    change: ({ store }) => ({
      store(sender, bytes) {
        store(sender, bytes);
        sender.write(`${bytes.length}\n`);
      },
    }),
  },
  "stays-open": {
    words: "the connection is not closed after the confirmation",
    fails: "1.1-8 1.10-12 2.11 3.3",
    change: () => ({ close() {} }),
  },
} as const satisfies Faults<FileServer>;

export const fileFaults = {
  ...connectionFaults<Sender>(),
  ...nameFaults,
  ...bodyFaults,
  ...answerFaults,
} as const satisfies Faults<FileServer>;

export function startFileMutant(options: {
  host: string;
  port: number;
  dir: string;
  fault: string;
}): Running {
  const { host, port, dir, fault } = options;
  const files = withFault(plainFiles(dir), fileFaults, fault);
  const listener = Bun.listen<Transfer>({
    hostname: host,
    port,
    allowHalfOpen: true,
    socket: {
      open(sender) {
        sender.data = { block: Buffer.alloc(0), body: [], done: false };
        files.opened(sender);
      },
      data: (sender, bytes) => files.receive(sender, bytes),
      end(sender) {
        const { data } = sender;
        if (data.name === undefined) files.endedEarly(sender);
        else if (!data.done) {
          data.done = true;
          files.finish(sender);
        }
      },
      close: ({ data }) => void (data.done || data.name === undefined || files.broken(data)),
    },
  });
  return { url: urlOf("tcp", host, listener.port), stop: () => listener.stop(true) };
}

export const fileMutant: ServerSpec = {
  summary: "file transfer with one fault",
  protocol: () => "file",
  port: () => FILE_PORT,
  options: (program) =>
    addFaultOption(program, fileFaults).option("--dir <directory>", "where the files go", "."),
  start: ({ host, port, dir, fault }) =>
    startFileMutant({ host, port, dir: String(dir), fault: String(fault) }),
};

if (import.meta.main) await standalone(fileMutant);
