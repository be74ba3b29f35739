/**
 * A pool of sum requests as bytes, ready to be written, with the bytes of each one's right reply: a client
 * then sends without encoding and verifies without parsing. The edge operands are always among them.
 */
import { seededRandom } from "../platform/random.ts";
import { edgeOperands, expectedReply, request } from "../protocols/sum.ts";
import { encodeFrame, FIN, opcodes } from "../protocols/websocket.ts";
import type { Endpoint } from "./endpoint.ts";
import { FLEET_MASK } from "./wire.ts";

export type PooledRequest = { bytes: Uint8Array; reply: Uint8Array; text: string };

/** Also how many requests one connection may have in flight: then each reply in flight names its request. */
export const POOL_SIZE = 1024;

/** Operands of all sizes up to 62 bits, so that no sum leaves the 64-bit range. */
function randomOperand(random: () => number): bigint {
  const bits = 1 + Math.floor(random() * 62);
  const high = BigInt(Math.floor(random() * 0x8000_0000));
  const low = BigInt(Math.floor(random() * 0x1_0000_0000));
  const value = ((high << 32n) | low) & ((1n << BigInt(bits)) - 1n);
  return random() < 0.5 ? -value : value;
}

const framings: Record<
  Endpoint["transport"],
  { request: (text: string) => Uint8Array; reply: (text: string) => Uint8Array }
> = {
  tcp: { request: (text) => Buffer.from(text), reply: (text) => Buffer.from(`${text}\n`) },
  udp: { request: (text) => Buffer.from(text), reply: (text) => Buffer.from(text) },
  ws: {
    request: (text) => encodeFrame(FIN | opcodes.text, text, FLEET_MASK),
    reply: (text) => encodeFrame(FIN | opcodes.text, text),
  },
};

/**
 * Requests that follow from the seed, each with a reply that no other one has. With `ids` each carries its place in
 * the pool, and its reply too.
 */
export function createRequestPool(
  transport: Endpoint["transport"],
  seed: number,
  ids: boolean,
): PooledRequest[] {
  const random = seededRandom(seed);
  const framing = framings[transport];
  const pool: PooledRequest[] = [];
  const replies = new Set<string>();
  for (let made = 0; pool.length < POOL_SIZE; made++) {
    const [a, b] = edgeOperands[made] ?? [randomOperand(random), randomOperand(random)];
    const id = ids ? pool.length : undefined;
    const reply = expectedReply(a, b, id);
    if (reply === undefined) throw new Error(`no reply is right for ${a} + ${b}`);
    if (replies.size === replies.add(reply).size) continue;
    const text = request(a, b, id);
    pool.push({ text, bytes: framing.request(text), reply: framing.reply(reply) });
  }
  return pool;
}
