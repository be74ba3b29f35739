#!/usr/bin/env bun
/** A TCP sum server with one fault: `bun servers/mutants/sum-tcp.ts --fault per-read`. */
import { createObjectSplitter, type ObjectSplitter, splitObjects } from "../../protocols/json-objects.ts";
import { answer, MAX_REQUEST_BYTES, SUM_PORT } from "../../protocols/sum.ts";
import { type Answer, serveRequests } from "../request-stream.ts";
import { type ServerSpec, standalone } from "../standalone.ts";
import { faultyAnswer, sumFaults } from "./sum.ts";

export const sumTcpFaults = {
  ...sumFaults,
  "per-read": "one read is taken for one request",
  "out-of-order": "the replies to the requests of one read are sent last first",
} as const;

type Respond = (requests: ObjectSplitter, chunk: Uint8Array) => Answer;

const perRead: Respond = (_, chunk) => ({
  replies: `${answer(Buffer.from(chunk).toString().trim()).text}\n`,
});

const framed =
  (fault: string): Respond =>
  (requests, chunk) => {
    const replies: string[] = [];
    const bad = splitObjects(requests, chunk, (bytes, from, to) => {
      const text = Buffer.from(bytes.subarray(from, to)).toString();
      replies.push(`${faultyAnswer(fault, text) ?? answer(text).text}\n`);
    });
    if (fault === "out-of-order") replies.reverse();
    return { replies: replies.join(""), last: bad !== undefined };
  };

export const sumTcpMutant: ServerSpec = {
  summary: "TCP sums with one fault",
  protocol: () => "sum/tcp",
  port: () => SUM_PORT,
  options: (program) =>
    program.addOption(
      program
        .createOption("--fault <name>", "what is wrong")
        .choices(Object.keys(sumTcpFaults))
        .default("none"),
    ),
  start: (options) =>
    serveRequests(options, {
      createState: () => createObjectSplitter(MAX_REQUEST_BYTES),
      respond: options.fault === "per-read" ? perRead : framed(String(options.fault)),
      idleSeconds: 30,
    }),
};

if (import.meta.main) await standalone(sumTcpMutant);
