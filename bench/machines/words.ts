/**
 * What bench and agents say to each other over the broker, besides what the exchange with fleets carries. All of it is
 * checked where it is heard.
 *
 * Subjects: `sockbench.who` asks all agents who they are; `sockbench.agent.<id>` asks one; `sockbench.run.<session>` is
 * what a bench tells all that it holds, `sockbench.bench.<session>.<id>` what each of these tells it.
 */
import { z } from "zod";
import type { FromFleet, ToFleet } from "../../clients/exchange.ts";
import type { Plan, Report } from "../../clients/workloads/index.ts";
import { version } from "../../package.json";
import { environmentSchema } from "../record/record.ts";
import type { ServerUse } from "./serving.ts";

/** Of the messages' form; what they carry is the code of both sides, so that bench and agents must be of one version. */
const FORM = 1;
export const VERSION = `sockbench ${version}, Bun ${Bun.version}, messages ${FORM}`;

export const subjects = {
  who: "sockbench.who",
  agent: (id: string) => `sockbench.agent.${id}`,
  run: (session: string) => `sockbench.run.${session}`,
  bench: (session: string, id: string) => `sockbench.bench.${session}.${id}`,
};

/** Each says so often that it is there, and is given up when nothing came for so long. */
export const ALIVE_MS = 1000;
export const SILENCE_MS = 2000;
/** An agent whose bench says nothing for so long is free again. */
export const BENCH_SILENCE_MS = 4000;

const name = z.string().min(1).max(100);
const id = z.string().regex(/^[\w-]{1,64}$/);
const place = z.object({ address: z.string().max(100), port: z.number().int().min(1).max(65_535) });

/** What an agent says of itself. `heldBy`: who measures with it. */
export const offer = z.object({
  id,
  name,
  version: z.string().max(200),
  fleets: z.number().int().min(0).max(1024),
  clock: place,
  heldBy: z.string().max(300).nullable(),
  /** What other programs use of its CPUs now; null where that cannot be read. */
  load: z.number().nullable(),
  /** Servers that it starts, by name. */
  serves: z.array(z.string().max(100)).max(1000),
});
export type Offer = z.infer<typeof offer>;

/** What one agent is asked. */
export const question = z.discriminatedUnion("ask", [
  z.object({
    ask: z.literal("hold"),
    session: id,
    version: z.string().max(200),
    bench: z.string().max(300),
    /** The server under test: whether it stands beside the agent. */
    targets: z.array(z.string().max(1000)).max(16),
    /** A protocol that is none of ours: its name, and the SHA-256 of its file. */
    protocol: z.object({ name, hash: z.string().max(100) }).optional(),
  }),
  /** Its clock beside another's; without `to`, the time. */
  z.object({ ask: z.literal("clock"), session: id, to: place.optional() }),
  /** Starts a server of its owner's, by its name; and ends it. */
  z.object({ ask: z.literal("start"), session: id, server: name, protocol: name }),
  z.object({ ask: z.literal("stop"), session: id }),
  z.object({ ask: z.literal("release"), session: id }),
]);
export type Question = z.infer<typeof question>;

const refused = z.object({ no: z.string().max(1000) });
export const answers = {
  hold: z.union([refused, z.object({ environment: environmentSchema, beside: z.boolean() })]),
  clock: z.union([refused, z.object({ at: z.number(), offset: z.number(), bound: z.number() })]),
  start: z.union([refused, z.object({ url: z.string().max(1000) })]),
  stop: z.union([
    refused,
    z.object({ counters: z.record(z.string().max(200), z.number().int().nonnegative()) }),
  ]),
  release: z.object({}),
};

const number = z.number().int().nonnegative();

/**
 * What a bench tells all that it holds. `run` counts plans. `first`: by agent, the number of its first fleet in this
 * plan; `clocks`: what its clock lacks to that of the run, nanoseconds.
 */
export const toAgents = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("plan"),
    run: number,
    plan: z.unknown(),
    fleets: number,
    machines: z.array(number),
    first: z.record(z.string(), number),
    clocks: z.record(z.string(), z.number()),
  }),
  z.object({
    type: z.literal("say"),
    run: number,
    message: z.looseObject({ type: z.enum(["go", "drain"]) }),
  }),
  z.object({ type: z.literal("alive") }),
  z.object({ type: z.literal("abort"), run: number }),
]);
export type ToAgents = z.infer<typeof toAgents>;
/** What `say` carries: the exchange's own words, which the fleet checks by its types alone. */
export type Said = Exclude<ToFleet<Plan>, { type: "plan" }>;

/** What an agent tells its bench; `run` tells words of an earlier plan from those of this one. */
export const fromAgent = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("fleet"),
    run: number,
    fleet: number,
    message: z.looseObject({ type: z.enum(["ready", "progress", "sent", "report", "failed"]) }),
  }),
  z.object({ type: z.literal("alive") }),
  z.object({ type: z.literal("over"), reason: z.string().max(1000) }),
  /** What the server that it has started used in the measured time. */
  z.object({
    type: z.literal("server"),
    run: number,
    use: z.custom<ServerUse>((use) => typeof use === "object"),
  }),
  /** It has ended though nobody stopped it. */
  z.object({ type: z.literal("ended"), reason: z.string() }),
]);
export type FromAgent =
  | { type: "fleet"; run: number; fleet: number; message: FromFleet<Report> }
  | { type: "alive" }
  | { type: "over"; reason: string }
  | { type: "server"; run: number; use: ServerUse }
  | { type: "ended"; reason: string };
