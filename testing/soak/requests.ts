/** Clients who ask from beginning to end, and compare every byte of every reply. */

import { parseEndpoint } from "../../clients/endpoint.ts";
import { openMembers } from "../../clients/members.ts";
import { encodeFrame, FIN, opcodes } from "../../protocols/websocket.ts";
import { fault, type Going, miss, settled, type Tally } from "./tally.ts";

const CLIENTS = 4;
const ASK_MS = 20;
/** One who has so many requests open waits with the next one. */
const MAX_OPEN = 64;
const MASK = 0x1f2e3d4c;

/** A request of a number that is used once, and the reply to it as bytes. */
export type Question = (number: number) => { ask: Uint8Array; reply: Uint8Array };

const sum = (number: number, more = "") => ({
  ask: `{"A":${number},"B":${7 * number}${more}}`,
  reply: `{"Sum":${8 * number}${more}}`,
});
const bytes = ({ ask, reply }: { ask: string; reply: string }) => ({
  ask: Buffer.from(ask),
  reply: Buffer.from(reply),
});

export const questions: Record<"sum/tcp" | "sum/udp" | "sum/ws" | "echo", Question> = {
  "sum/tcp": (number) => ({ ...bytes(sum(number)), reply: Buffer.from(`${sum(number).reply}\n`) }),
  "sum/udp": (number) => bytes(sum(number, `,"Id":${number}`)),
  "sum/ws": (number) => ({
    ask: encodeFrame(FIN | opcodes.text, sum(number).ask, MASK),
    reply: encodeFrame(FIN | opcodes.text, sum(number).reply),
  }),
  echo: () => bytes({ ask: "ping\n", reply: "pong\n" }),
};

export async function soakRequests(
  question: Question,
  url: string,
  tally: Tally,
  timeoutMs?: number,
): Promise<Going> {
  /** Replies that are to come, by client: in order, but for datagrams, which may come in any. */
  const open: Uint8Array[][] = Array.from({ length: CLIENTS }, () => []);
  const rests: Buffer[] = open.map(() => Buffer.alloc(0));
  const target = parseEndpoint(url)!;
  let number = 0;
  let stopping = false;

  function hearStream(index: number, chunk: Uint8Array): void {
    let rest = Buffer.concat([rests[index], chunk]);
    for (let [next] = open[index]; next && rest.length >= next.length; [next] = open[index]) {
      open[index].shift();
      if (rest.subarray(0, next.length).equals(next)) tally.verified++;
      else
        fault(
          tally,
          `client ${index} got ${JSON.stringify(rest.toString().slice(0, 60))}, not ${Buffer.from(next)}`,
        );
      rest = rest.subarray(next.length);
    }
    if (rest.length > 0 && open[index].length === 0)
      fault(tally, `client ${index} got a reply that nobody asked for`);
    rests[index] = rest;
  }

  function hearDatagram(index: number, chunk: Uint8Array): void {
    const at = open[index].findIndex((reply) => Buffer.from(reply).equals(chunk));
    if (at >= 0) tally.verified++;
    else fault(tally, `client ${index} got ${JSON.stringify(Buffer.from(chunk).toString())}`);
    if (at >= 0) open[index].splice(at, 1);
  }

  const clients = await openMembers(target, CLIENTS, {
    onBytes: target.transport === "udp" ? hearDatagram : hearStream,
    onLost: (index, reason) => stopping || fault(tally, `the connection of client ${index}: ${reason}`),
  });
  const timer = setInterval(() => {
    for (const client of clients) {
      if (open[client.index].length >= MAX_OPEN) continue;
      const { ask, reply } = question(++number);
      open[client.index].push(reply);
      client.send(ask, 0, ask.length);
    }
  }, ASK_MS);
  return {
    async stop() {
      clearInterval(timer);
      await settled(() => open.every((replies) => replies.length === 0), timeoutMs);
      for (const { index } of clients) miss(tally, open[index].length, `replies to client ${index}`);
      stopping = true;
      for (const client of clients) client.close();
    },
  };
}
