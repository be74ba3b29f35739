/**
 * The transfer workload: a file is sent and its receipt compared with what was sent; or the same bytes are
 * sent with no protocol at all, which is as fast as this machine copies through sockets.
 *
 * The body is made while it is sent, so that no size needs memory: a block of random bytes, in which every
 * page begins with its place in the file. A page that is lost, moved or sent twice changes the digest.
 */
import { createHash } from "node:crypto";
import type { Socket } from "bun";
import { now } from "../../platform/clock.ts";
import { readMeter, serverMemory, type Used, usedBetween } from "../../platform/meter.ts";
import { seededRandom } from "../../platform/random.ts";
import { ACCEPTED, receipt, writeName } from "../../protocols/file.ts";
import { dial } from "../dial.ts";
import { type Endpoint, plannedEndpoint } from "../endpoint.ts";
import type { Exchange } from "../exchange.ts";
import { connectReason } from "../members.ts";
import { Unreachable } from "../unreachable.ts";

export type TransferPlan = {
  workload: "transfer";
  target: string;
  protocol: string;
  serverPids: readonly number[];
  /** `raw`: the bytes alone, up to FIN; the receiver closes when it has written them. */
  way: "file" | "raw";
  /** Begins the names of the files, which must be new to the server. */
  name: string;
  bytes: number;
  /** Sent before it, and not measured: the server's code is compiled by then. */
  warmBytes: number;
  seed: number;
};

export type TransferReport = {
  workload: "transfer";
  /** What is wrong with a transfer; a right one has none. */
  faults: { kind: "refused" | "missing" | "lost" | "corrupt"; words: string }[];
  /** Nanoseconds from the first byte that was sent to the server's close. */
  elapsed: number;
  used: Used;
  /** Resident memory of the server's processes before and at its highest, bytes. */
  memory?: { before: number; peak: number };
};

const BLOCK_BYTES = 1_048_576;
const PAGE_BYTES = 4096;
/** A transfer in which nothing moves for so long has failed. */
const STALL_MS = 10_000;
const MAX_ANSWER_BYTES = 200;

export async function runTransfer(plan: TransferPlan, exchange: Exchange): Promise<TransferReport> {
  const target = plannedEndpoint(plan);
  const body = createBody(plan.seed);
  const [warm, wanted] = [plan.warmBytes, plan.bytes].map((bytes) => receiptOf(body, bytes));
  await exchange.ready({ prefixes: [] });
  const faults = await send(plan, target, body, `${plan.name}-warm`, plan.warmBytes).then((answer) =>
    faultsOf(plan, answer, warm),
  );
  const pids = plan.serverPids;
  const before = { meter: readMeter(pids), memory: serverMemory(pids)?.now };
  const start = now();
  const answer = await send(plan, target, body, plan.name, plan.bytes);
  const elapsed = now() - start;
  const used = usedBetween(before.meter, readMeter(pids), pids);
  const peak = used.serverMemoryBytes;
  return {
    workload: "transfer",
    faults: [...faults, ...faultsOf(plan, answer, wanted)],
    elapsed,
    used,
    ...(before.memory !== undefined && peak !== undefined ? { memory: { before: before.memory, peak } } : {}),
  };
}

type Body = { block: Uint8Array; view: DataView };

function createBody(seed: number): Body {
  const random = seededRandom(seed);
  const words = Uint32Array.from({ length: BLOCK_BYTES / 4 }, () => random() * 2 ** 32);
  return { block: new Uint8Array(words.buffer), view: new DataView(words.buffer) };
}

/** The file's block that begins at byte `at`; it is only valid until the next call. */
function blockAt({ block, view }: Body, at: number, size: number): Uint8Array {
  for (let page = 0; page < BLOCK_BYTES; page += PAGE_BYTES) view.setFloat64(page, at + page);
  return size - at < BLOCK_BYTES ? block.subarray(0, size - at) : block;
}

function receiptOf(body: Body, size: number): string {
  const hash = createHash("sha256");
  for (let at = 0; at < size; at += BLOCK_BYTES) hash.update(blockAt(body, at, size));
  return receipt(size, hash.digest("hex"));
}

/** What the server said before it closed, and how it closed. */
type Answer = { text: string; end: string };

/** Sends one file and waits until the server closes. */
async function send(
  plan: TransferPlan,
  target: Endpoint,
  body: Body,
  name: string,
  size: number,
): Promise<Answer> {
  const answer = { text: "", end: "" };
  let at = 0;
  let block: Uint8Array = new Uint8Array(0);
  let sent = 0;
  let flowing = plan.way === "raw";
  const over = Promise.withResolvers<void>();
  const timer = setTimeout(() => {
    answer.end = `nothing moved for ${STALL_MS / 1000} s`;
    over.resolve();
  }, STALL_MS);
  const finish = (end: string) => {
    answer.end ||= end;
    over.resolve();
  };

  /** Writes until the kernel takes no more, or all is written. */
  function pump(socket: Socket): void {
    timer.refresh();
    while (flowing) {
      if (sent === block.length) {
        at += sent;
        sent = 0;
        if (at === size) {
          flowing = false;
          socket.shutdown();
          return;
        }
        block = blockAt(body, at, size);
      }
      const taken = socket.write(block, sent, block.length - sent);
      if (taken <= 0) return;
      sent += taken;
    }
  }

  let socket: Socket;
  try {
    socket = await dial(
      target,
      {
        data(socket, chunk) {
          timer.refresh();
          const first = answer.text === "";
          answer.text += Buffer.from(chunk).toString("latin1");
          if (answer.text.length > MAX_ANSWER_BYTES) return finish("too long an answer");
          if (plan.way === "raw" || !first) return;
          flowing = answer.text[0].toUpperCase() === ACCEPTED;
          if (flowing) pump(socket);
          else finish("refused");
        },
        drain: pump,
        end: () => finish("closed"),
        close: (_, error) => finish(error ? `reset (${error.message})` : "closed"),
        error: (_, error) => finish(error.message),
      },
      { allowHalfOpen: true },
    );
  } catch (error) {
    clearTimeout(timer);
    throw new Unreachable(connectReason(target, error));
  }
  if (plan.way === "file") socket.write(writeName(name));
  else pump(socket);
  await over.promise;
  clearTimeout(timer);
  socket.terminate();
  return answer;
}

/** The answer to a file is consent and receipt; to a raw copy there is none, but an orderly end. */
function faultsOf({ way }: TransferPlan, { text, end }: Answer, wanted: string): TransferReport["faults"] {
  if (way === "raw") return end === "closed" ? [] : [{ kind: "missing", words: `the copy ended: ${end}` }];
  if (text === ACCEPTED + wanted) return [];
  if (end === "refused") return [{ kind: "refused", words: `the name was answered ${JSON.stringify(text)}` }];
  const [, bytes] = /^[Yy](\d+) [0-9a-f]{64}\n$/.exec(text) ?? [];
  const [wantedBytes] = wanted.split(" ");
  if (bytes === undefined)
    return [{ kind: "missing", words: `no receipt came, but ${JSON.stringify(text)}, and then: ${end}` }];
  return bytes === wantedBytes
    ? [{ kind: "corrupt", words: `the receipt's SHA-256 is of other bytes than the ${bytes} that were sent` }]
    : [{ kind: "lost", words: `the receipt counts ${bytes} bytes of ${wantedBytes}` }];
}
