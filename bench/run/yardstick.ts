/** Which yardstick stands beside the servers of a cell. */
import { protocolOf } from "../../protocols/index.ts";
import { yardsticks } from "../../servers/yardstick/frozen.ts";
import { implementation } from "../../targets/programs.ts";
import type { ServerSource } from "../../targets/server.ts";
import type { BlockCell } from "./session.ts";

/** How it is had, and what it speaks: the simplest protocol of the cell's kind and transport. */
export type YardstickServer = { source: ServerSource; protocol: string };

export const YARDSTICK = "yardstick";

export function yardstickFor(cell: BlockCell): YardstickServer {
  const { transport } = protocolOf(cell.protocol);
  const { protocol } = yardsticks[cell.blocks(0).kind][transport];
  return { source: implementation(YARDSTICK), protocol };
}
