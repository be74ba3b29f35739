#!/usr/bin/env bun
/**
 * `bun run aa`: does the comparison cry wolf, and does it see a wolf? Both on real samples, recorded once by
 * record-baseline.ts, so that the answer comes quickly and is the same each time.
 */

export const baselinePath = `${import.meta.dir}/../../results/baseline/aa.json.gz`;

/** The reference chat room, the same once more, and one that burns 10 % of its CPU time on top. */
export const baselineServers = { a: "bun", again: "bun again", slow: "bun slowed by 10 %" };
