#!/usr/bin/env bun
/** A UDP sum server with one fault: `bun servers/mutants/sum-udp.ts --fault no-id`. */
import { answer, SUM_PORT } from "../../protocols/sum.ts";
import { type Running, type ServerSpec, standalone, urlOf } from "../standalone.ts";
import { faultyAnswer, sumFaults } from "./sum.ts";

export const sumUdpFaults = {
  ...sumFaults,
  "cut-at-256": "a datagram is cut at 256 bytes, and what is left is answered",
  "no-id": "the Id of a request does not come back",
  "id-rounded": "the Id is taken for a double",
  "id-number-only": "an Id that is no number does not come back",
  "last-caller": "the reply goes to who asked last",
  twice: "each reply is sent twice",
  "errors-unsaid": "a malformed request gets no answer",
  "ignores-empty": "an empty datagram gets no answer",
  "stops-when-silent": "a read deadline ends the server when nothing came for a second",
  "dies-of-icmp": "the ICMP error of a caller that is gone ends the server",
  silent: "datagrams are received, and nothing is ever sent",
} as const;

export async function startSumUdpMutant(options: {
  host: string;
  port: number;
  fault: string;
}): Promise<Running> {
  const { host, port, fault } = options;
  const has = (name: keyof typeof sumUdpFaults) => fault === name;
  let deadline: Timer | undefined;

  function replyTo(request: string): string {
    const faulty = faultyAnswer(fault, request);
    if (faulty) return faulty;
    const { text } = answer(has("cut-at-256") ? request.slice(0, 256) : request, true);
    if (has("no-id") || (has("id-number-only") && text.includes('"Id":"')))
      return text.replace(/,"Id":.*\}$/, "}");
    if (has("id-rounded")) return text.replace(/(?<="Id":)\d+/, (id) => String(BigInt(Number(id))));
    return text;
  }

  function send(text: string, port: number, ip: string): void {
    for (let attempt = 0; attempt < 2; attempt++)
      try {
        socket.send(text, port, ip);
        return;
      } catch {
        if (has("dies-of-icmp")) socket.close();
      }
  }

  let pending: { port: number; ip: string; text: string }[] = [];
  const socket = await Bun.udpSocket({
    hostname: host,
    port,
    socket: {
      data(_socket, bytes: Buffer, port, ip) {
        if (has("stops-when-silent")) {
          clearTimeout(deadline);
          deadline = setTimeout(() => socket.close(), 1000);
        }
        const text = replyTo(bytes.toString());
        if (has("silent") || (has("errors-unsaid") && text.includes("Error"))) return;
        if (has("ignores-empty") && bytes.length === 0) return;
        if (has("last-caller")) {
          // All that came together is answered to the last of them.
          pending.push({ port, ip, text });
          if (pending.length > 1) return;
          setImmediate(() => {
            const last = pending[pending.length - 1];
            for (const { text } of pending) send(text, last.port, last.ip);
            pending = [];
          });
          return;
        }
        send(text, port, ip);
        if (has("twice")) send(text, port, ip);
      },
      error: () => void (has("dies-of-icmp") && socket.close()),
    },
  });
  return {
    url: urlOf("udp", host, socket.port),
    stop() {
      clearTimeout(deadline);
      socket.close();
    },
  };
}

export const sumUdpMutant: ServerSpec = {
  summary: "UDP sums with one fault",
  protocol: () => "sum/udp",
  port: () => SUM_PORT,
  options: (program) =>
    program.addOption(
      program
        .createOption("--fault <name>", "what is wrong")
        .choices(Object.keys(sumUdpFaults))
        .default("none"),
    ),
  start: ({ host, port, fault }) => startSumUdpMutant({ host, port, fault: String(fault) }),
};

if (import.meta.main) await standalone(sumUdpMutant);
