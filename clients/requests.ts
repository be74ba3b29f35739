/**
 * A pool of requests as bytes, ready to be written, with the bytes of each one's right reply: a client then sends
 * without encoding and verifies without parsing. Those at the edges of the protocol are always among them.
 */
import { seededRandom } from "../platform/random.ts";
import type { Me } from "../protocols/definition.ts";
import type { PooledRequest, Requests } from "../protocols/protocol.ts";

/** Also how many requests one connection may have in flight: then each reply in flight names its request. */
export const POOL_SIZE = 1024;
/** The same where each connection has a pool of its own. */
export const OWN_POOL_SIZE = 128;

export const poolSize = ({ perConnection }: Pick<Requests, "perConnection">): number =>
  perConnection ? OWN_POOL_SIZE : POOL_SIZE;

/** Requests that follow from the seed, each with a reply that no other one has. */
export function createRequestPool(requests: Requests, seed: number, me?: Me): PooledRequest[] {
  const random = seededRandom(seed);
  const pool: PooledRequest[] = [];
  const replies = new Set<string>();
  const size = poolSize(requests);
  for (let made = 0; pool.length < size; made++) {
    const one = requests.at(made, pool.length, random, me);
    if (!one) throw new Error(`no reply is right for request ${made}`);
    if (replies.size === replies.add(Buffer.from(one.reply).toString("latin1")).size) continue;
    pool.push(one);
  }
  return pool;
}
