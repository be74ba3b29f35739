#!/usr/bin/env bun
/**
 * UDP sums: `bun servers/udp-sum.ts --port 5656`. One request a datagram, one reply datagram to its source. Callers
 * that share a socket send an `"Id"` and find it in the reply. It never stops by itself.
 */
import type { udp } from "bun";
import { fdOf, growReceiveBuffer } from "../platform/socket-options.ts";
import { answer, isErrorReply, MAX_REQUEST_BYTES, SUM_PORT, tooLongReply } from "../protocols/sum.ts";
import { type Running, type ServerSpec, standalone, urlOf, type Where } from "./standalone.ts";
import { type Outgoing, sendAll } from "./udp-send.ts";

/** Room for a burst; the default holds about 256 small datagrams and loses the rest. */
const RECEIVE_BUFFER_BYTES = 16 * 1024 * 1024;
const BATCH_DATAGRAMS = 1024;

export async function startUdpSum(options: Where): Promise<Running> {
  const counters = { unsent: 0, unanswered: 0 };
  let batch: Outgoing = [];
  let scheduled = false;

  function receive(payload: Buffer, port: number, ip: string): void {
    const text = payload.length > MAX_REQUEST_BYTES ? "" : payload.toString();
    // Answered, an error from another server of this protocol (by a forged source) would bounce between them for ever.
    if (isErrorReply(text)) return void counters.unanswered++;
    const reply = payload.length > MAX_REQUEST_BYTES ? tooLongReply : answer(text, true).text;
    batch.push(Buffer.from(reply), port, ip);
    if (batch.length >= BATCH_DATAGRAMS * 3) flushBatch();
    if (scheduled) return;
    scheduled = true;
    setImmediate(() => {
      scheduled = false;
      flushBatch();
    });
  }

  function flushBatch(): void {
    const outgoing = batch;
    batch = [];
    counters.unsent += sendAll(socket, outgoing);
  }

  const socket: udp.Socket<"buffer"> = await Bun.udpSocket({
    hostname: options.host,
    port: options.port,
    socket: {
      data: (_socket, payload, port, ip) => receive(payload, port, ip),
      // A caller that has gone: without this handler its ICMP error would end the process (Bun 1.4.5).
      error: () => {},
    },
  });
  growReceiveBuffer(fdOf(socket), RECEIVE_BUFFER_BYTES);
  return {
    url: urlOf("udp", options.host, socket.port),
    stop: () => socket.close(),
    counters: () => ({
      "replies the system did not take": counters.unsent,
      "error replies received and not answered": counters.unanswered,
    }),
  };
}

export const udpSumServer: ServerSpec = {
  summary: "UDP sums: a datagram a request, a datagram a reply",
  protocol: () => "sum/udp",
  port: () => SUM_PORT,
  start: (options) => startUdpSum(options),
};

export default udpSumServer;
if (import.meta.main) await standalone(udpSumServer);
