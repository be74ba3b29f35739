/** The link to fleets on other machines: what bench and fleets say to each other, through the broker and their agents. */
import type { FromFleet } from "../../clients/exchange.ts";
import type { Plan, Report } from "../../clients/workloads/index.ts";
import { exitCodes, Failure } from "../../platform/failure.ts";
import { printable } from "../../platform/printable.ts";
import type { Link, Listener } from "../run/link.ts";
import { type Broker, receiver, sender } from "./broker.ts";
import { type HeldAgent, named } from "./held-agents.ts";
import type { ServerUse } from "./serving.ts";
import { everySecond } from "./silence.ts";
import { fromAgent, SILENCE_MS, subjects, type ToAgents } from "./words.ts";

/** `go` is on its way to all for less than this. */
const LEAD_NS = 100e6;

export type NatsLink = Omit<Link, "stop"> & {
  /** What each machine's clock lacks to that of the next run, in the order of the agents. */
  setClocks: (clocks: readonly number[]) => void;
  /** The machine of each fleet. */
  machines: number[];
  /** What the server used in the last plan's measured time, where an agent has started it; and its end, from now on. */
  serverUse: () => ServerUse | undefined;
  onServerEnd: (listener: (reason: string) => void) => void;
  end: () => void;
};

/** What all agents of a session are told; from now on, once a second, that the bench is there. */
export type Voice = { tellAll: (words: ToAgents) => void; end: () => void };

export function raiseVoice(broker: Broker, session: string): Voice {
  const tellAll = sender(broker, subjects.run(session)) as (words: ToAgents) => void;
  const { end } = everySecond(Number.POSITIVE_INFINITY, {
    tick: () => attempt(() => tellAll({ type: "alive" })),
    silent() {},
  });
  return { tellAll, end };
}

export function natsLink(
  broker: Broker,
  session: string,
  agents: readonly HeldAgent[],
  { tellAll }: Voice,
): NatsLink {
  const firsts = agents.map((_, i) => agents.slice(0, i).reduce((sum, { fleets }) => sum + fleets, 0));
  const machines = agents.flatMap(({ fleets }, machine) => Array.from({ length: fleets }, () => machine));
  const byAgent = <T>(list: readonly T[]) => Object.fromEntries(agents.map(({ id }, i) => [id, list[i]]));
  let clocks: readonly number[] = agents.map(() => 0);
  let run = 0;
  let listener: Listener | undefined;
  let lost: Failure | undefined;
  let use: ServerUse | undefined;
  let serverEnded: (reason: string) => void = () => {};

  const lose = (why: string) => {
    lost ??= new Failure(exitCodes.untrusted, why);
    listener?.lost(lost);
  };
  const heard = (i: number, value: unknown) => {
    silences[i].heard();
    const { success, data: words } = fromAgent.safeParse(value);
    if (!success) return;
    if (words.type === "over") lose(`agent ${named(agents[i])}: ${printable(words.reason)}`);
    if (words.type === "ended") serverEnded(printable(words.reason));
    if (words.type === "server" && words.run === run) use = words.use;
    // Of its own fleets alone, and of this plan.
    if (words.type === "fleet" && words.run === run && machines[words.fleet] === i)
      listener?.hear(words.fleet, inWords(words.message as FromFleet<Report>, agents[i]));
  };
  const stops = agents.map(({ id }, i) =>
    receiver(broker, subjects.bench(session, id), (value) => heard(i, value)),
  );
  const silences = agents.map((agent) =>
    everySecond(SILENCE_MS, {
      tick() {},
      silent: () => lose(`agent ${named(agent)} said nothing for ${SILENCE_MS / 1000} s`),
    }),
  );
  broker.nats.closed().then(() => lose(`the connection to the broker ${broker.url} was lost`));

  return {
    count: machines.length,
    pids: [],
    lead: LEAD_NS,
    machines,
    serverUse: () => use,
    onServerEnd(heard) {
      serverEnded = heard;
    },
    setClocks(list) {
      clocks = list;
    },
    begin(plan: Plan, fleets, hear) {
      listener = hear;
      use = undefined;
      run++;
      if (lost) return hear.lost(lost);
      const first = byAgent(firsts);
      tellAll({
        type: "plan",
        run,
        plan,
        fleets,
        machines: machines.slice(0, fleets),
        first,
        clocks: byAgent(clocks),
      });
    },
    say: (message) => tellAll({ type: "say", run, message }),
    end() {
      attempt(() => tellAll({ type: "abort", run }));
      listener = undefined;
      for (const stop of stops) attempt(stop);
      for (const silence of silences) silence.end();
    },
  };
}

/** Whose fleet failed is told with why. */
function inWords(message: FromFleet<Report>, agent: HeldAgent): FromFleet<Report> {
  if (message.type !== "failed") return message;
  return { ...message, reason: `agent ${named(agent)}: ${message.reason}` };
}

/** A connection that is closed takes nothing any more. */
function attempt(say: () => void): void {
  try {
    say();
  } catch {}
}
