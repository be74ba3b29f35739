#!/usr/bin/env bun
/** A TCP sum server with one fault: `bun servers/mutants/sum-tcp.ts --fault one-read`. */
import { createObjectSplitter, type ObjectSplitter, splitObjects } from "../../protocols/json-objects.ts";
import { answer, MAX_REQUEST_BYTES, SUM_PORT } from "../../protocols/sum.ts";
import { type Running, type ServerSpec, seconds, standalone } from "../standalone.ts";
import { faultReplies, IDLE_SECONDS } from "../tcp-sum.ts";
import { addFaultOption, type Faults, withFault } from "./fault.ts";
import { plainListener, type StreamServer, startStream, streamFaults } from "./stream.ts";
import { type SumServer, sumFaults } from "./sum.ts";

/** The requests of a read, and why it cannot be read on. */
type Requests = { texts: string[]; fault?: keyof typeof faultReplies | undefined };

type SumTcpServer = StreamServer<ObjectSplitter> &
  SumServer & {
    split: (requests: ObjectSplitter, chunk: Uint8Array) => Requests;
    /** Whether requests behind one that is wrong are passed over. */
    stopsAtError: boolean;
    end: string;
  };

function plainSum(idleSeconds: number): SumTcpServer {
  const sums: SumTcpServer = {
    ...plainListener(),
    idleSeconds,
    requestBytes: MAX_REQUEST_BYTES,
    stopsAtError: true,
    end: "\n",
    answer,
    createState: () => createObjectSplitter(sums.requestBytes),
    split(requests, chunk) {
      const texts: string[] = [];
      const fault = splitObjects(requests, chunk, (bytes, from, to) =>
        texts.push(Buffer.from(bytes.subarray(from, to)).toString()),
      );
      return { texts, fault };
    },
    respond(requests, chunk) {
      const { texts, fault } = sums.split(requests, chunk);
      const answers = texts.map(sums.answer);
      if (fault) answers.push({ text: faultReplies[fault], ok: false });
      const wrong = answers.findIndex(({ ok }) => !ok);
      const said = wrong >= 0 && sums.stopsAtError ? answers.slice(0, wrong + 1) : answers;
      return { replies: said.map(({ text }) => text + sums.end).join(""), last: wrong >= 0 };
    },
  };
  return sums;
}

export const sumTcpFaults = {
  ...sumFaults,
  ...streamFaults<ObjectSplitter>(),
  "one-read": {
    words: "one read is taken for one request",
    fails: "3.1-6 3.8 3.9 3.12 3.13",
    change: () => ({ split: (_requests, chunk) => ({ texts: [Buffer.from(chunk).toString()] }) }),
  },
  "cut-at-256": {
    words: "a read takes 256 bytes at most, and the rest of it is lost",
    fails: "2.10 3.2 3.11",
    change: ({ split }) => ({ split: (requests, chunk) => split(requests, chunk.subarray(0, 256)) }),
  },
  "out-of-order": {
    words: "of two requests in one read the second is answered first",
    fails: "3.1 3.2 3.8 3.9 3.12",
    change: ({ split }) => ({
      split(requests, chunk) {
        const { texts, fault } = split(requests, chunk);
        return { texts: texts.reverse(), fault };
      },
    }),
  },
  "waits-for-a-line": {
    words: "a request is answered when an end of line or another request comes",
    fails: "1.1-10 2.1-9 2.11 3.1-8 3.12-14 4.2",
    change({ split }) {
      const held = new Map<ObjectSplitter, string[]>();
      return {
        split(requests, chunk) {
          const { texts, fault } = split(requests, chunk);
          const all = [...(held.get(requests) ?? []), ...texts];
          held.set(requests, chunk.at(-1) === 10 ? [] : all.splice(-1));
          return { texts: all, fault };
        },
      };
    },
  },
  "no-blanks": {
    words: "blanks between requests are an error",
    fails: "3.8",
    change: ({ split }) => ({
      split: (requests, chunk) =>
        /[\s]\{|\}\s/.test(Buffer.from(chunk).toString())
          ? { texts: [], fault: "not an object" }
          : split(requests, chunk),
    }),
  },
  "two-lines": {
    words: "a reply ends with two ends of line",
    fails: "1.2-5 1.9 1.10 3.1-3 3.5 3.7-9 3.12 3.13 4.2",
    change: () => ({ end: "\n\n" }),
  },
  "stays-open": {
    words: "the connection stays open after an error",
    fails: "2.1-11 3.9-11 3.14",
    change: ({ respond }) => ({
      stopsAtError: false,
      respond: (requests, chunk) => ({ ...respond(requests, chunk), last: false }),
    }),
  },
  "resets-errors": {
    words: "after an error the connection is reset before it can be read",
    fails: "2.1-11 3.9-11 3.14",
    change: () => ({
      // Whoever cannot write resets.
      write: (write, bytes) => (Buffer.from(bytes).includes('"Error"') ? -1 : write()),
    }),
  },
  "answers-after-error": {
    words: "requests behind an error are answered still",
    fails: "3.9",
    change: () => ({ stopsAtError: false }),
  },
  "waits-for-the-end": {
    words: "an endless request is waited for",
    fails: "3.11",
    change: () => ({ requestBytes: 1e9 }),
  },
  "deadline-once": {
    words: "the idle time is counted from the connect",
    fails: "4.2",
    change: ({ idleSeconds }) => ({
      opened: (socket) => void setTimeout(() => socket.end(), idleSeconds * 1000),
    }),
  },
  "never-idle": {
    words: "an idle connection is never closed",
    fails: "4.1",
    change: () => ({ idleSeconds: 86_400 }),
  },
} as const satisfies Faults<SumTcpServer>;

export function startSumTcpMutant(options: {
  host: string;
  port: number;
  fault: string;
  idleSeconds: number;
}): Running {
  return startStream(options, withFault(plainSum(options.idleSeconds), sumTcpFaults, options.fault));
}

export const sumTcpMutant: ServerSpec = {
  summary: "TCP sums with one fault",
  protocol: () => "sum/tcp",
  port: () => SUM_PORT,
  options: (program) =>
    addFaultOption(program, sumTcpFaults).option(
      "--idle-timeout <seconds>",
      "close a connection without requests",
      seconds,
      IDLE_SECONDS,
    ),
  start: ({ host, port, fault, idleTimeout }) =>
    startSumTcpMutant({ host, port, fault: String(fault), idleSeconds: Number(idleTimeout) }),
};

if (import.meta.main) await standalone(sumTcpMutant);
