/**
 * What reading a peer's bytes costs, for bytes that were chosen to cost much: run by costs.test.ts as a process of its
 * own, since a pattern that backtracks cannot be stopped from within. Prints the name of each row before it is run,
 * and then the rows whose cost grows faster than the number of bytes.
 */

import { decode } from "../bench/machines/codec.ts";
import { createJoiner, split } from "../bench/machines/parts.ts";
import { finderOf } from "../conformance/chat/notices.ts";
import { scriptSources } from "../conformance/chat-ws/3-page.ts";
import { firstOf } from "../conformance/expect.ts";
import { isError, isSum } from "../conformance/sum/requests.ts";
import { quotable } from "../conformance/violation.ts";
import { createWireLog, linesOf, received } from "../conformance/wire-log.ts";
import { append, createByteQueue, queuedBytes, viewQueued } from "../platform/byte-queue.ts";
import { printable } from "../platform/printable.ts";
import { dialectNames, dialects, MAX_LINE_BYTES } from "../protocols/chat.ts";
import { readName } from "../protocols/file.ts";
import { framed } from "../protocols/framing.ts";
import { allProtocols } from "../protocols/index.ts";
import { createObjectSplitter, splitObjects } from "../protocols/json-objects.ts";
import { createLineBuffer, splitLines } from "../protocols/lines.ts";
import { answer } from "../protocols/sum.ts";
import { readHead, statusOf } from "../protocols/websocket.ts";
import { answerHandshake, isForeign, readRequest } from "../protocols/ws-handshake.ts";
import { createMessageBuffer, readMessages } from "../protocols/ws-messages.ts";

/** Bytes that come as they will: whole, or one after another. */
type Reader = {
  name: string;
  bytes: number;
  /** What stands before the many, one after another, and behind them, each with nothing there. */
  starts?: readonly string[];
  end?: string;
  read: (bytes: Buffer) => unknown;
};

const KIB = 1024;
const chunksOf = function* (bytes: Buffer, size: number) {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
};

function readHandshake(bytes: Buffer, chunk: number): unknown {
  const queue = createByteQueue();
  for (const part of chunksOf(bytes, chunk)) {
    const looked = queuedBytes(queue);
    append(queue, part);
    const request = readRequest(viewQueued(queue), looked);
    if (!request) continue;
    return "status" in request ? request : [answerHandshake(request), isForeign(request.fields, [])];
  }
  return undefined;
}

/** What is refused costs, too. */
function decoded(bytes: Uint8Array): unknown {
  try {
    return decode(bytes);
  } catch (error) {
    return error;
  }
}

const text = (bytes: Buffer) => bytes.toString("latin1");
/** Calls `find` each time that more has come. */
function asItComes(
  bytes: Buffer,
  chunk: number,
  finderFor: (peer: { unread: () => Buffer }) => () => unknown,
) {
  let come = 0;
  const find = finderFor({ unread: () => bytes.subarray(0, come) });
  for (; come <= bytes.length; come += chunk) find();
}

const heads = ["GET a://", "GET /", "GET / HTTP/1.1\r\nHost: x\r\n"];
const origin = "GET / HTTP/1.1\r\nHost: x\r\nOrigin: http://";
const object = '{"data_source":"server","data":"';

const readers: Reader[] = [
  {
    name: "handshake",
    bytes: 15 * KIB, // past 16 KiB it is refused unread
    starts: [...heads, origin, "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: "],
    end: " X\r\n\r\n",
    read: (bytes) => readHandshake(bytes, bytes.length),
  },
  {
    name: "handshake byte by byte",
    bytes: 16 * KIB,
    starts: heads,
    read: (bytes) => readHandshake(bytes, 1),
  },
  {
    name: "response head",
    bytes: 64 * KIB,
    starts: ["HTTP/1.1 101 "],
    end: "\r\n\r\n",
    read: (bytes) => [readHead(bytes)].map((head) => head && statusOf(head)),
  },
  {
    name: "lines byte by byte",
    bytes: 16 * KIB,
    read(bytes) {
      const buffer = createLineBuffer();
      for (const part of chunksOf(bytes, 1)) if (!splitLines(buffer, part, MAX_LINE_BYTES, () => {})) return;
    },
  },
  {
    name: "objects byte by byte",
    bytes: 16 * KIB,
    starts: [object],
    read(bytes) {
      const splitter = createObjectSplitter(MAX_LINE_BYTES);
      for (const part of chunksOf(bytes, 1)) if (splitObjects(splitter, part, () => {})) return;
    },
  },
  {
    name: "frames byte by byte",
    bytes: 16 * KIB,
    starts: ["\x81\xfe\xff\xff"],
    read(bytes) {
      const buffer = createMessageBuffer();
      for (const part of chunksOf(bytes, 1)) if (readMessages(buffer, part, 65_536, () => true)) return;
    },
  },
  ...dialectNames.map((name) => ({
    name: `${name} hears`,
    bytes: 64 * KIB,
    starts: ['{"data":"', '{"data":"a","x":', object],
    end: '"}',
    read: (bytes: Buffer) => dialects[name].hear(bytes, 0, bytes.length),
  })),
  {
    name: "sum",
    bytes: 64 * KIB,
    starts: ['{"A":'],
    end: ',"B":1}',
    read: (bytes) => answer(text(bytes), true),
  },
  { name: "file name", bytes: 64 * KIB, read: readName },
  ...allProtocols()
    .flatMap(({ name, room }) => (room ? [{ name, room }] : []))
    .map(({ name, room }) => ({
      name: `fleet: notices of ${name}`,
      bytes: 64 * KIB,
      starts: [object, "Welcome ", "[127.0.0.1:", "[SERVER] Client "],
      end: ' joined"}',
      read(bytes: Buffer) {
        const { framing, react } = room(64);
        const unit = framed(framing.heard, bytes);
        return react(unit, 0, unit.length, "member");
      },
    })),
  {
    name: "conform: scripts",
    bytes: 256 * KIB,
    starts: ["<script ", '<script src="'],
    end: "></script>",
    read: (bytes) => scriptSources(text(bytes)),
  },
  {
    name: "conform: sums",
    bytes: 64 * KIB,
    starts: ['{"Sum":1,"Id":', '{"Error":"'],
    end: '"}',
    read: (bytes) => [isSum(text(bytes), 1n), isError(text(bytes))],
  },
  {
    name: "conform: notices",
    bytes: 64 * KIB,
    starts: ["Welcome "],
    read: (bytes) =>
      asItComes(bytes, 64, (peer) => finderOf(peer, { words: "Welcome ", number: { behind: " joined" } })),
  },
  {
    name: "conform: lines",
    bytes: 64 * KIB,
    read: (bytes) => asItComes(bytes, 64, (peer) => firstOf(peer, "no such line")),
  },
  {
    name: "conform: wire log",
    bytes: 64 * KIB,
    read(bytes) {
      const log = createWireLog();
      for (const part of chunksOf(bytes, 512)) received(log, "alice", part);
      return linesOf(log);
    },
  },
  {
    name: "agents: a message in parts",
    bytes: 64 * KIB,
    starts: ['{"$":["Map",[', '{"$":["Float64Array",0,'],
    read(bytes) {
      const join = createJoiner();
      const head = new Uint8Array(4);
      new DataView(head.buffer).setUint32(0, bytes.length, true);
      for (const part of split(1, Buffer.concat([head, bytes]), 64)) {
        const whole = join(part);
        if (whole) return decoded(whole);
      }
    },
  },
  { name: "words", bytes: 64 * KIB, read: (bytes) => [quotable(text(bytes)), printable(text(bytes))] },
];

const atoms = [
  ...'a 1:/"\\[{,;=<.!?#-\0\xff',
  "\r\n",
  '\\"',
  '{"',
  '"a":',
  "a:b\r\n",
  "<script ",
  '<script src="',
  "Welcome 1",
  ' joined"',
  "\x81\x80abcd",
  "\x00\x80abcd",
];
/** Milliseconds, the least of some attempts: a busy machine makes one longer, never shorter. */
function costOf({ read }: Reader, bytes: () => Buffer, attempts: number): number {
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < attempts; i++) {
    const given = bytes();
    const began = performance.now();
    read(given);
    least = Math.min(least, performance.now() - began);
  }
  return least;
}

/** Cheap is cheap, whatever the ratio: what costs so little for all that may come hurts nobody. */
const CHEAP_MS = 60;
/** Four times the bytes cost four times as much where each byte costs the same, sixteen times where all others do too. */
const RATIO = 9;

function judge(reader: Reader, start: string, atom: string, end: string): string | undefined {
  const bytes = (length: number) => () =>
    Buffer.from((start + atom.repeat(length / atom.length)).slice(0, length) + end, "latin1");
  if (costOf(reader, bytes(reader.bytes), 1) < CHEAP_MS) return undefined;
  const ratio = costOf(reader, bytes(reader.bytes), 3) / costOf(reader, bytes(reader.bytes / 4), 3);
  return ratio > RATIO ? `${ratio.toFixed(1)} times the cost of a quarter` : undefined;
}

const bad: string[] = [];
for (const reader of readers)
  for (const start of ["", ...(reader.starts ?? [])])
    for (const atom of atoms)
      for (const end of reader.end === undefined ? [""] : ["", reader.end]) {
        const name = `${reader.name}: ${JSON.stringify(start)}, many ${JSON.stringify(atom)}, ${JSON.stringify(end)}`;
        console.log(name);
        const why = judge(reader, start, atom, end);
        if (why !== undefined) bad.push(`${name}: ${why}`);
      }
console.log(JSON.stringify({ bad }));
