/** The fleets of agents on other machines, as a run has them: gathered, their clocks compared around each sample. */
import { parseEndpoint } from "../../clients/endpoint.ts";
import { now } from "../../platform/clock.ts";
import { exitCodes, Failure } from "../../platform/failure.ts";
import { printable } from "../../platform/printable.ts";
import type { ServerSource } from "../../targets/server.ts";
import type { Machine, SampleClock } from "../record/record.ts";
import { duration } from "../record/units.ts";
import { type Fleets, fleetsOver } from "../run/fleets.ts";
import { type Broker, connectBroker } from "./broker.ts";
import type { ClockReading } from "./clock-port.ts";
import { boundBetween } from "./clocks.ts";
import { ask, type HeldAgent, holdAgents, named, releaseAgents, type Wanted } from "./held-agents.ts";
import { natsLink, raiseVoice } from "./nats-link.ts";
import { protocolFile } from "./protocol-file.ts";
import { isServed, type ServedSource, type ServerDesk } from "./served.ts";

export type Gathered = { fleets: Fleets; machines: Machine[] };

/** What is to be gathered; `server` is one that an agent starts. */
export type Gathering = Omit<Wanted, "serves"> & { server?: ServedSource | undefined };

/** How many clocks are compared with the first machine's at once. */
const AT_ONCE = 8;

const RELEASE_MS = 2000;
const USE_LOOKS = 50;

/** How fleets on other machines are had, where a bench asks for them. */
export function gathering(
  { nats, ...asked }: { nats?: string; agents?: number; protocol?: string },
  sources: readonly ServerSource[],
  interrupted: Promise<never>,
): (() => Promise<Gathered>) | undefined {
  if (nats === undefined) return undefined;
  const protocol = protocolFile(asked.protocol);
  return () =>
    gather(nats, {
      agents: asked.agents,
      targets: sources.flatMap(({ endpoint }) => endpoint?.url ?? []),
      server: sources.find(isServed),
      interrupted,
      tell: (words) => console.error(printable(words)),
      ...(protocol ? { protocol } : {}),
    });
}

/** @throws Failure where there are not as many agents as are wanted, or they cannot be had */
export async function gather(nats: string, { server, ...wanted }: Gathering): Promise<Gathered> {
  const broker = await connectBroker(nats, { stays: false });
  const session = crypto.randomUUID();
  let agents: HeldAgent[] = [];
  // From the first agent on: to hold hundreds takes seconds.
  const voice = raiseVoice(broker, session);
  const release = async () => {
    voice.end();
    await Promise.race([releaseAgents(broker, session, agents), Bun.sleep(RELEASE_MS)]);
    await broker.nats.close();
  };
  try {
    agents = await holdAgents(broker, session, { ...wanted, serves: server?.name });
    refuseLoopback(agents, wanted.targets);
    const link = natsLink(broker, session, agents, voice);
    try {
      const clocks = await compareClocks(broker, session, agents);
      agents.forEach((agent, i) => {
        wanted.tell(describe(agent, i === 0 ? undefined : clocks[i].bound));
      });
    } catch (error) {
      link.end();
      throw error;
    }
    server?.use(deskOf({ broker, session, agents, link, serves: true }, server.name));
    const fleets = fleetsOver({
      ...link,
      async stop() {
        link.end();
        await release();
      },
    });
    return {
      fleets: timed(fleets, { broker, session, agents, link, serves: server !== undefined }),
      machines: agents.map(({ machine }) => machine),
    };
  } catch (error) {
    await release();
    throw error;
  }
}

const describe = ({ name, fleets, machine, load }: HeldAgent, bound: number | undefined) =>
  `agent ${named({ name })}: ${fleets} fleet${fleets === 1 ? "" : "s"} on ${machine.environment.cores} × ${machine.environment.cpu}, ${bound === undefined ? "whose clock is the run's" : `clock ± ${duration(bound)}`}, load ${load?.toFixed(1) ?? "unknown"}${machine.beside ? ", beside the server" : ""}`;

const isLoopback = (host = "") => host === "localhost" || host === "::1" || host.startsWith("127.");

/** Every machine has a 127.0.0.1 of its own. */
function refuseLoopback(agents: readonly HeldAgent[], targets: readonly string[]): void {
  const local = targets.find((target) => isLoopback(parseEndpoint(target)?.hostname));
  const other = agents.find(({ clock }) => !isLoopback(clock.address));
  if (local !== undefined && other)
    throw new Failure(
      exitCodes.usage,
      `--target ${local} is another one on each machine: give the address at which agent ${named(other)} reaches it`,
    );
}

type Parts = {
  broker: Broker;
  session: string;
  agents: readonly HeldAgent[];
  link: ReturnType<typeof natsLink>;
  /** Whether one of them starts the server. */
  serves: boolean;
};

/** The same fleets: before each plan they are given a clock to go by, and after it it is asked how right that was. */
function timed(fleets: Fleets, { broker, session, agents, link, serves }: Parts): Fleets {
  let clocks: SampleClock[] = [];
  return {
    ...fleets,
    machines: link.machines,
    clocks: () => clocks,
    serverUse: link.serverUse,
    async run(plan, options) {
      clocks = [];
      const compare = () => Promise.race([compareClocks(broker, session, agents), options.broken]);
      const before = await compare();
      const ahead = await aheadOf(broker, session, agents[0]);
      link.setClocks(before.map(({ offset }) => offset + ahead));
      const reports = await fleets.run(plan, options);
      // What it used is on its way when the load is over, long before the last report.
      for (let i = 0; serves && link.serverUse() === undefined && i < USE_LOOKS; i++) await Bun.sleep(20);
      const after = await compare();
      clocks = agents.map(({ name }, i) => ({
        machine: name,
        before: before[i].offset,
        after: after[i].offset,
        bound: i === 0 ? 0 : boundBetween(before[i], after[i]),
      }));
      return reports as never;
    },
  };
}

/** The agent that starts the server, as the server's source asks it. */
function deskOf({ broker, session, agents, link }: Parts, name: string): ServerDesk {
  const agent = agents.find(({ serves }) => serves.includes(name)) ?? agents[0];
  return {
    async start(server, protocol) {
      const { promise: broken, reject } = Promise.withResolvers<never>();
      broken.catch(() => {});
      link.onServerEnd((why) => reject(new Failure(exitCodes.wrong, `agent ${named(agent)}: ${why}`)));
      return { ...(await ask(broker, agent, { ask: "start", session, server, protocol })), broken };
    },
    // What has gone with the connection has ended there, too.
    stop: async () =>
      (await ask(broker, agent, { ask: "stop", session }).catch(() => ({ counters: {} }))).counters,
  };
}

/** Each machine's clock beside the first one's, between the two of them. */
async function compareClocks(
  broker: Broker,
  session: string,
  agents: readonly HeldAgent[],
): Promise<ClockReading[]> {
  const [{ clock: to }] = agents;
  const readings: ClockReading[] = [{ at: 0, offset: 0, bound: 0 }];
  for (let i = 1; i < agents.length; i += AT_ONCE)
    readings.push(
      ...(await Promise.all(
        agents.slice(i, i + AT_ONCE).map((one) => ask(broker, one, { ask: "clock", session, to })),
      )),
    );
  return readings;
}

/**
 * What the first machine's clock lacks to the bench's, as well as the broker's way tells: by the bench's plans and `go`
 * are timed, and nothing is measured.
 */
async function aheadOf(broker: Broker, session: string, first: HeldAgent): Promise<number> {
  const asked = now();
  const { at } = await ask(broker, first, { ask: "clock", session });
  return (asked + now()) / 2 - at;
}
