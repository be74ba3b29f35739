#!/usr/bin/env bun
/** A UDP sum server with one fault: `bun servers/mutants/sum-udp.ts --fault no-id`. */
import type { udp } from "bun";
import { answer, MAX_REQUEST_BYTES, SUM_PORT } from "../../protocols/sum.ts";
import { type Running, type ServerSpec, standalone, urlOf } from "../standalone.ts";
import { addFaultOption, type Faults, withFault } from "./fault.ts";
import { type SumServer, sumFaults } from "./sum.ts";

type SumUdpServer = SumServer & {
  receive: (request: string, port: number, ip: string) => void;
  /** The reply, if there is to be one. */
  replyTo: (request: string) => string | undefined;
  send: (text: string, port: number, ip: string) => void;
  /** A caller has gone. */
  refused: () => void;
  die: () => void;
};

/** The server that is right; `socket` is there when the first datagram is. */
function plainSum(socket: () => udp.Socket<"buffer">): SumUdpServer {
  const sums: SumUdpServer = {
    requestBytes: MAX_REQUEST_BYTES,
    answer: (request) => answer(request, true),
    receive(request, port, ip) {
      const text = sums.replyTo(request);
      if (text !== undefined) sums.send(text, port, ip);
    },
    replyTo: (request) => sums.answer(request).text,
    send(text, port, ip) {
      // A pending error of another address makes the first call throw (Bun 1.4.5); the second is this one's.
      for (let attempt = 0; attempt < 2; attempt++)
        try {
          socket().send(text, port, ip);
          return;
        } catch {
          sums.refused();
        }
    },
    refused() {},
    die: () => socket().close(),
  };
  return sums;
}

const ID = /,"Id":.*\}$/;

export const sumUdpFaults = {
  ...sumFaults,
  silent: {
    words: "datagrams are received, and nothing is ever sent",
    fails: "1.1-10 2.1-11 3.1-13 4.1",
    change: () => ({ send() {} }),
  },
  "cut-at-256": {
    words: "a datagram is cut at 256 bytes, and what is left is answered",
    fails: "3.10",
    change: ({ replyTo }) => ({ replyTo: (request) => replyTo(request.slice(0, 256)) }),
  },
  "no-id": {
    words: "the Id of a request does not come back",
    fails: "3.2-5",
    change: ({ replyTo }) => ({ replyTo: (request) => replyTo(request)?.replace(ID, "}") }),
  },
  "id-rounded": {
    words: "the Id is taken for a double",
    fails: "3.4",
    change: ({ replyTo }) => ({
      replyTo: (request) => replyTo(request)?.replace(/(?<="Id":)\d+/, (id) => String(BigInt(Number(id)))),
    }),
  },
  "id-number-only": {
    words: "an Id that is no number does not come back",
    fails: "3.3",
    change: ({ replyTo }) => ({
      replyTo: (request) => replyTo(request)?.replace(/,"Id":".*\}$/, "}"),
    }),
  },
  "last-caller": {
    words: "the reply goes to who asked last",
    fails: "3.6 3.13",
    change({ send }) {
      // All that came together is answered to the last of them.
      let together: string[] = [];
      let last: [port: number, ip: string];
      return {
        send(text, port, ip) {
          last = [port, ip];
          if (together.push(text) > 1) return;
          setImmediate(() => {
            for (const text of together) send(text, ...last);
            together = [];
          });
        },
      };
    },
  },
  twice: {
    words: "each reply is sent twice",
    fails: "1.2-5 1.9 1.10 3.1 3.5-11 3.13 4.1",
    change: ({ send }) => ({
      send(...reply) {
        send(...reply);
        send(...reply);
      },
    }),
  },
  "errors-unsaid": {
    words: "a malformed request gets no answer",
    fails: "2.1-11 3.7-12",
    change: ({ replyTo }) => ({
      replyTo(request) {
        const text = replyTo(request);
        return text?.includes("Error") ? undefined : text;
      },
    }),
  },
  "ignores-empty": {
    words: "an empty datagram gets no answer",
    fails: "3.12",
    change: ({ replyTo }) => ({ replyTo: (request) => (request === "" ? undefined : replyTo(request)) }),
  },
  "stops-when-silent": {
    words: "a read deadline ends the server when nothing came for a second",
    fails: "4.1",
    change({ receive, die }) {
      let deadline: Timer | undefined;
      return {
        receive(...datagram) {
          clearTimeout(deadline);
          deadline = setTimeout(die, 1000);
          receive(...datagram);
        },
      };
    },
  },
  "dies-of-icmp": {
    words: "the ICMP error of a caller that is gone ends the server",
    fails: "3.13",
    change: ({ die }) => ({ refused: die }),
  },
} as const satisfies Faults<SumUdpServer>;

export async function startSumUdpMutant(options: {
  host: string;
  port: number;
  fault: string;
}): Promise<Running> {
  const { host, port, fault } = options;
  const plain = plainSum(() => socket);
  const sums = withFault(plain, sumUdpFaults, fault);
  const socket: udp.Socket<"buffer"> = await Bun.udpSocket({
    hostname: host,
    port,
    socket: {
      data: (_socket, bytes: Buffer, port, ip) => sums.receive(bytes.toString(), port, ip),
      error: () => sums.refused(),
    },
  });
  return { url: urlOf("udp", host, socket.port), stop: () => socket.close() };
}

export const sumUdpMutant: ServerSpec = {
  summary: "UDP sums with one fault",
  protocol: () => "sum/udp",
  port: () => SUM_PORT,
  options: (program) => addFaultOption(program, sumUdpFaults),
  start: ({ host, port, fault }) => startSumUdpMutant({ host, port, fault: String(fault) }),
};

if (import.meta.main) await standalone(sumUdpMutant);
