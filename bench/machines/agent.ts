/**
 * An agent: offers this machine's fleets to benches on others, to one at a time. It runs plans, never commands (plan.ts
 * has what it takes for one).
 */
import { loadavg, networkInterfaces } from "node:os";
import type { Msg } from "@nats-io/transport-node";
import { parseEndpoint } from "../../clients/endpoint.ts";
import { now } from "../../platform/clock.ts";
import { listenerPids } from "../../platform/proc.ts";
import { udpPlace } from "../../platform/udp-source.ts";
import { findProtocol } from "../../protocols/index.ts";
import { readEnvironment } from "../run/environment.ts";
import { type Broker, connectBroker } from "./broker.ts";
import { type ClockPort, openClockPort } from "./clock-port.ts";
import { decode, encode } from "./codec.ts";
import { type Held, hold } from "./held.ts";
import { type Pool, startPool } from "./pool.ts";
import { hashOf } from "./protocol-file.ts";
import { createServing, type Serving } from "./serving.ts";
import { type Offer, type Question, question, subjects, VERSION } from "./words.ts";

export type AgentOptions = {
  nats: string;
  name: string;
  /** How many fleets it offers. */
  fleets: number;
  /** Where other machines reach it; by default the address from which it reaches the broker. */
  address?: string | undefined;
  /** UDP port of its clock; 0 for a free one. */
  clockPort: number;
  /** Instead of real fleets, for a test. */
  pool?: Pool;
  /** A targets.json whose servers it starts. */
  serve?: string | undefined;
  tell: (words: string) => void;
};

export type Agent = {
  id: string;
  broker: Broker;
  /** Ends it, and everything that it started. */
  stop: () => Promise<void>;
};

type Parts = AgentOptions & {
  id: string;
  broker: Broker;
  pool: Pool;
  clock: ClockPort;
  place: Offer["clock"];
  serving: Serving | undefined;
  held: Held | undefined;
};

const NATS_PORT = 4222;

/** @throws Failure where the broker cannot be reached */
export async function startAgent(options: AgentOptions): Promise<Agent> {
  const broker = await connectBroker(options.nats, { stays: true });
  const { hostname, port } = new URL(options.nats);
  const { local } = await udpPlace(hostname, Number(port || NATS_PORT));
  const clock = await openClockPort(
    // Behind an address that is translated it is another one here.
    options.address === undefined ? local : local.includes(":") ? "::" : "0.0.0.0",
    options.clockPort,
  );
  const address = options.address ?? local;
  const agent: Parts = {
    ...options,
    id: crypto.randomUUID(),
    broker,
    pool: options.pool ?? startPool(options.fleets),
    clock,
    place: { address, port: clock.port },
    serving: options.serve === undefined ? undefined : createServing(options.serve, address),
    held: undefined,
  };
  const { nats } = broker;
  nats.subscribe(subjects.who, { callback: (_, message) => answer(message, offerOf(agent)) });
  nats.subscribe(subjects.agent(agent.id), {
    callback: (_, message) => void answerQuestion(agent, message),
  });
  watchConnection(agent);
  await nats.flush();
  return {
    id: agent.id,
    broker,
    async stop() {
      agent.held?.end(`agent ${options.name} was ended`);
      await nats.flush().catch(() => {});
      await agent.serving?.stop();
      await agent.pool.stop();
      clock.close();
      await nats.close();
    },
  };
}

const answer = (message: Msg, value: unknown) => void message.respond(encode(value));

const offerOf = ({ id, name, pool, place, held, serving }: Parts): Offer => ({
  id,
  name,
  version: VERSION,
  fleets: pool.count,
  clock: place,
  heldBy: held?.bench ?? null,
  load: loadavg()[0],
  serves: serving?.names ?? [],
});

async function answerQuestion(agent: Parts, message: Msg): Promise<void> {
  let asked: Question;
  try {
    asked = question.parse(decode(message.data));
  } catch {
    return answer(message, { no: "not understood" });
  }
  try {
    answer(message, await answersTo[asked.ask](agent, asked as never));
  } catch (error) {
    answer(message, { no: error instanceof Error ? error.message : String(error) });
  }
}

type Asked<K extends Question["ask"]> = Extract<Question, { ask: K }>;

const answersTo = {
  async hold(agent: Parts, asked: Asked<"hold">) {
    const no = refusal(agent, asked);
    if (no !== undefined) return { no };
    take(agent, asked);
    return {
      environment: await readEnvironment(agent.pool.count, null),
      beside: asked.targets.some(isBeside),
    };
  },
  async clock({ clock, held }: Parts, { session, to }: Asked<"clock">) {
    if (held?.session !== session) return { no: "it is not held by this bench" };
    return to ? clock.compare(to) : { at: now(), offset: 0, bound: 0 };
  },
  async start({ serving, held, tell }: Parts, { session, server, protocol }: Asked<"start">) {
    if (held?.session !== session || !serving) return { no: "it starts no servers for this bench" };
    const { url } = await serving.start(server, protocol, held.serverEnded);
    tell(`started ${server} at ${url}`);
    return { url };
  },
  async stop({ serving, held }: Parts, { session }: Asked<"stop">) {
    if (held?.session !== session || !serving) return { no: "it starts no servers for this bench" };
    return { counters: await serving.stop() };
  },
  async release({ held }: Parts, { session }: Asked<"release">) {
    if (held?.session === session) held.end();
    return {};
  },
};

function refusal({ held }: Parts, { version, protocol }: Asked<"hold">): string | undefined {
  if (version !== VERSION) return `it runs ${VERSION}, and the bench ${version}`;
  if (held) return `${held.bench} is measuring with it`;
  if (!protocol) return undefined;
  const own = findProtocol(protocol.name);
  if (!own?.module) return `it has no protocol ${protocol.name}; start it with --protocol <file>`;
  return hashOf(own.module) === protocol.hash ? undefined : `its copy of ${protocol.name} is another one`;
}

function take(agent: Parts, { session, bench }: Asked<"hold">): void {
  const { id, broker, pool, serving, tell } = agent;
  tell(`held by ${bench}`);
  agent.held = hold({
    ...{ id, session, bench, broker, pool, serving },
    serverPids: (target) => (isBeside(target) ? listenersAt(target) : []),
    onEnd(reason) {
      agent.held = undefined;
      tell(reason === undefined ? "released" : `free again: ${reason}`);
    },
  });
}

/** Whether a target is at an address of this machine. */
function isBeside(target: string): boolean {
  const host = parseEndpoint(target)?.hostname;
  const own = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  return host === "localhost" || own.some(({ address }) => address === host);
}

function listenersAt(target: string): number[] {
  const endpoint = parseEndpoint(target);
  return endpoint ? listenerPids(endpoint.transport === "udp" ? "udp" : "tcp", endpoint.port) : [];
}

/** What is under way is lost with the connection; the next bench finds it again once that stands. */
async function watchConnection(agent: Parts): Promise<void> {
  for await (const { type } of agent.broker.nats.status()) {
    if (type === "disconnect") {
      agent.held?.end("the connection to the broker was lost");
      agent.tell("the connection to the broker was lost; connecting again");
    } else if (type === "reconnect") agent.tell("connected again");
  }
}
