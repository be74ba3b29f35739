/** What the comparison is judged by: one room, the same once more, and one that is slower by a known share of its CPU. */
import { implementation, ours, program } from "../../targets/programs.ts";
import type { ServerSource } from "../../targets/server.ts";
import { roomCell } from "../scenarios/fanout.ts";

export const cell = roomCell("chat/bracket", 100, "closed", { quick: false, exhaustive: false, seed: 1 });

/** A server that burns so many percent of its CPU time on top. */
const slowed = (percent: number): ServerSource =>
  program(`bun slowed by ${percent} %`, () =>
    ours("servers/mutants/chat-slow.ts", "--extra", String(percent)),
  );

/** The reference chat room, the same once more, and the slowed ones. */
export const aaServers = {
  base: { ...implementation("bun"), name: "bun" },
  again: { ...implementation("bun"), name: "bun again" },
  slow10: slowed(10),
  slow5: slowed(5),
};

/** The figure in which the slowdown is known. */
export const FIGURE = "serverCpuPerDelivery";
