/**
 * The yardstick: small servers that never change, one of each kind that is driven in slices. What a run measures beside
 * them, in the same blocks, can be compared with what another run measured beside them on another day: the machine's mood
 * falls on both. That holds only as long as they are the same programs, so a record has the hash of their source, and one
 * that was changed has to be frozen anew here, on purpose: from then on no earlier record compares by the yardstick.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { isExecutable } from "../../platform/own.ts";
import type { Transport } from "../../protocols/index.ts";

/** SHA-256 over the files below, in their order; a test holds them to it. */
export const FROZEN = "bd618c1510d15ab715ded279d2f44555923373ced7a3aa4ff734fc6dc8a1798e";

const files = ["tcp.ts", "udp.ts", "ws.ts"] as const;

/** What the files are now, in hexadecimal; the one executable has no files, and is made of those that were frozen. */
export function yardstickHash(): string {
  if (isExecutable) return FROZEN;
  const hash = createHash("sha256");
  for (const file of files) hash.update(`${file}\n`).update(readFileSync(`${import.meta.dir}/${file}`));
  return hash.digest("hex");
}

/** By what is asked of a server: relaying to a room, or answering requests. */
export type YardstickKind = "room" | "requests";

type Entry = { protocol: string; file: string; flag: string };

const entry = (kind: YardstickKind, transport: Transport, protocol: string): Entry => ({
  protocol,
  file: `yardstick/${transport}.ts`,
  flag: kind === "room" ? "room" : "sum",
});

/** Which of them stands beside a server of any protocol of that kind and transport, and what it speaks itself. */
export const yardsticks: Record<YardstickKind, Record<Transport, Entry>> = {
  room: {
    tcp: entry("room", "tcp", "chat/bracket"),
    udp: entry("room", "udp", "relay"),
    ws: entry("room", "ws", "chat/ws"),
  },
  requests: {
    tcp: entry("requests", "tcp", "sum/tcp"),
    udp: entry("requests", "udp", "sum/udp"),
    ws: entry("requests", "ws", "sum/ws"),
  },
};
