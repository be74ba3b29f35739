/** What every question is put together from (waits.ts, amounts.ts): servers, rooms, and how a figure is taken. */
import { ours, program } from "../../targets/programs.ts";
import type { ServerSource } from "../../targets/server.ts";
import { medianOf } from "../record/cells.ts";
import { roomCell } from "../scenarios/fanout.ts";
import type { BenchOptions, Cell } from "../scenarios/scenario.ts";
import type { Answer } from "./question.ts";

export const MS = 1e6;
export const ROOM = "chat/bracket";
export const bench: BenchOptions = { quick: false, seed: 1, exhaustive: false };

/** A program of servers/known/. */
export const known = (name: string, file: string, ...flags: string[]): ServerSource =>
  program(name, () => ours(`servers/known/${file}`, ...flags));

/** How long, at what rate, in what room: a whole table of them in two minutes, less for tests. */
export type Size = { seconds: number; samples: number };

export const room = (connections: number, loop: "open" | "closed", options: Partial<BenchOptions>): Cell =>
  roomCell(ROOM, connections, loop, { ...bench, warmup: 0.5, ...options });

/** The median over the valid samples. */
export const figure =
  (metric: string): Answer["measured"] =>
  (found) =>
    medianOf(found.with, metric);

/** By how much it is more than that of the same server without. */
export const rise =
  (metric: string): Answer["measured"] =>
  (found) => {
    const [more, less] = [medianOf(found.with, metric), medianOf(found.without, metric)];
    return more === undefined || less === undefined ? undefined : more - less;
  };

export const always =
  <T>(value: T) =>
  () =>
    value;
export const either = (way: number) => always({ below: way, above: way });
