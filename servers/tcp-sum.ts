#!/usr/bin/env bun
/**
 * TCP sums: `bun servers/tcp-sum.ts --port 5656`. Requests are JSON objects with nothing between them, split or
 * coalesced at any byte; replies are lines, in request order. A bad request gets its error and ends the connection.
 */
import { createObjectSplitter, type ObjectSplitter, splitObjects } from "../protocols/json-objects.ts";
import { answer, MAX_REQUEST_BYTES, notAnObjectReply, SUM_PORT, tooLongReply } from "../protocols/sum.ts";
import { type Answer, serveRequests } from "./request-stream.ts";
import { type Running, type ServerSpec, seconds, standalone, type Where } from "./standalone.ts";

export const IDLE_SECONDS = 30;

export const faultReplies = { "too long": tooLongReply, "not an object": notAnObjectReply };

function respond(requests: ObjectSplitter, chunk: Uint8Array): Answer {
  let replies = "";
  let last = false;
  const fault = splitObjects(requests, chunk, (bytes, from, to) => {
    if (last) return;
    const { text, ok } = answer(Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from).toString());
    replies += `${text}\n`;
    last = !ok;
  });
  if (fault && !last) replies += `${faultReplies[fault]}\n`;
  return { replies, last: last || fault !== undefined };
}

export function startTcpSum(
  options: Where & { idleSeconds: number },
  listen?: Parameters<typeof serveRequests<ObjectSplitter>>[2],
): Running {
  const createState = () => createObjectSplitter(MAX_REQUEST_BYTES);
  return serveRequests(options, { createState, respond, idleSeconds: options.idleSeconds }, listen);
}

export const tcpSumServer: ServerSpec = {
  summary: "TCP sums: JSON requests without separator, a line a reply",
  protocol: () => "sum/tcp",
  port: () => SUM_PORT,
  options: (program) =>
    program.option("--idle-timeout <seconds>", "close a connection that is silent", seconds, IDLE_SECONDS),
  streams: true,
  start: (options) => startTcpSum({ ...options, idleSeconds: Number(options.idleTimeout) }),
};

export default tcpSumServer;
if (import.meta.main) await standalone(tcpSumServer);
