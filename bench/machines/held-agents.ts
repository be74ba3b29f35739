/** The agents that a bench has found and holds: discovery, who is refused, and how they are asked. */
import { hostname } from "node:os";
import { NoRespondersError, RequestError } from "@nats-io/transport-node";
import type { z } from "zod";
import { exitCodes, Failure } from "../../platform/failure.ts";
import { printable } from "../../platform/printable.ts";
import type { Machine } from "../record/record.ts";
import type { Broker } from "./broker.ts";
import { decode, encode } from "./codec.ts";
import { answers, type Offer, offer, type Question, subjects, VERSION } from "./words.ts";

export type HeldAgent = Offer & { machine: Machine };

const LOOK_MS = 500;
const LOOK_SECONDS = 30;
const ANSWER_MS = 5000;
const AT_ONCE = 16;

export type Wanted = {
  /** How many agents; all that answer without it. */
  agents: number | undefined;
  targets: string[];
  /** The server that one of them is to start, besides those with fleets. */
  serves?: string | undefined;
  protocol?: { name: string; hash: string };
  interrupted: Promise<never>;
  tell: (words: string) => void;
};

const unreachable = (message: string) => new Failure(exitCodes.unreachable, message);

/** Finds as many agents as are wanted and holds them, those beside the target first. */
export async function holdAgents(broker: Broker, session: string, wanted: Wanted): Promise<HeldAgent[]> {
  const found = await findAgents(broker, wanted);
  const unlike = found.find(({ version }) => version !== VERSION);
  if (unlike)
    throw unreachable(`agent ${named(unlike)} runs ${printable(unlike.version)}, and this bench ${VERSION}`);
  const held: HeldAgent[] = [];
  const take = async (one: Offer) => {
    const answer = await ask(broker, one, {
      ask: "hold",
      session,
      version: VERSION,
      bench: `the bench with pid ${process.pid} on ${hostname()}`,
      targets: wanted.targets,
      ...(wanted.protocol ? { protocol: wanted.protocol } : {}),
    });
    const { name, fleets } = one;
    held.push({ ...one, machine: { name, fleets, ...answer } });
  };
  try {
    // One first: of two benches that want the same agents, one gets all of them.
    const [first, ...others] = found;
    await take(first);
    for (let i = 0; i < others.length; i += AT_ONCE)
      await Promise.all(others.slice(i, i + AT_ONCE).map(take));
  } catch (error) {
    await releaseAgents(broker, session, held);
    throw error;
  }
  // Without fleets last: the clock of the first is the run's, and fleet 0 looks at a server that is beside it.
  const rank = ({ machine, name, fleets }: HeldAgent) =>
    `${fleets === 0 ? 2 : machine.beside ? 0 : 1} ${name}`;
  return held.sort((a, b) => (rank(a) < rank(b) ? -1 : 1));
}

/** Agents by name, once there are enough of them. */
async function findAgents(broker: Broker, { agents, serves, interrupted, tell }: Wanted): Promise<Offer[]> {
  const deadline = performance.now() + LOOK_SECONDS * 1000;
  for (let told = -1; ; ) {
    const all = (await Promise.race([whoIsThere(broker), interrupted])).sort((a, b) =>
      `${a.name} ${a.id}` < `${b.name} ${b.id}` ? -1 : 1,
    );
    const found = all.filter(({ fleets }) => fleets > 0);
    const beside = all.find((one) => serves !== undefined && one.serves.includes(serves));
    const free = found.filter(({ heldBy }) => heldBy === null);
    const enough = free.length > 0 && free.length >= (agents ?? found.length);
    if (enough && (serves === undefined || beside?.heldBy === null))
      return [...new Set([...free.slice(0, agents), ...(beside ? [beside] : [])])];
    const busy = [...found, ...(beside ? [beside] : [])].find(({ heldBy }) => heldBy !== null);
    // Those that measure may do so for hours: it is told who, and not waited for.
    if (busy && found.length >= (agents ?? 1))
      throw unreachable(`agent ${named(busy)}: ${printable(busy.heldBy ?? "")} is measuring with it`);
    const server = serves === undefined || beside ? "" : `, and none that starts ${serves},`;
    const words = `${found.length} of ${agents ?? 1} agents${server} at ${broker.url}`;
    if (performance.now() > deadline)
      throw unreachable(`${words} after ${LOOK_SECONDS} s; start sockbench agent --nats there`);
    if (found.length !== told) tell(`waiting for agents: ${words}`);
    told = found.length;
  }
}

async function whoIsThere({ nats }: Broker): Promise<Offer[]> {
  const found = new Map<string, Offer>();
  try {
    for await (const message of await nats.requestMany(subjects.who, undefined, {
      strategy: "stall",
      stall: LOOK_MS / 2,
      maxWait: LOOK_MS * 4,
    })) {
      const { success, data } = offer.safeParse(decode(message.data));
      if (success) found.set(data.id, data);
    }
  } catch (error) {
    if (!isNobody(error)) throw error;
  }
  if (found.size === 0) await Bun.sleep(LOOK_MS);
  return [...found.values()];
}

const isNobody = (error: unknown) =>
  error instanceof NoRespondersError || (error instanceof RequestError && error.isNoResponders());

export const named = ({ name }: Pick<Offer, "name">): string => printable(name);

type Answer<K extends Question["ask"]> = Exclude<z.infer<(typeof answers)[K]>, { no: string }>;

/** @throws Failure with what it says against it, or that it says nothing */
export async function ask<K extends Question["ask"]>(
  { nats }: Broker,
  agent: Pick<Offer, "id" | "name">,
  question: Extract<Question, { ask: K }>,
): Promise<Answer<K>> {
  const fail = (why: string) => unreachable(`agent ${named(agent)}: ${why}`);
  let value: unknown;
  try {
    value = decode(
      (await nats.request(subjects.agent(agent.id), encode(question), { timeout: ANSWER_MS })).data,
    );
  } catch (error) {
    throw fail(isNobody(error) ? "it has gone" : `no answer within ${ANSWER_MS / 1000} s`);
  }
  const { success, data } = answers[question.ask as K].safeParse(value);
  if (!success) throw fail("its answer is not understood");
  if ("no" in data) throw fail(printable(String(data.no)));
  return data as Answer<K>;
}

export async function releaseAgents(
  broker: Broker,
  session: string,
  agents: readonly Offer[],
): Promise<void> {
  await Promise.allSettled(agents.map((one) => ask(broker, one, { ask: "release", session })));
}
