/**
 * How the exchange between bench and agents grows with their number: so many agents that only take part in it, without a
 * connection to any server. `bun testing/scale.ts <nats-url> <agents…>`; the agents are in a few processes.
 */

import { connect } from "@nats-io/transport-node";
import { startAgent } from "../bench/machines/agent.ts";
import { decode } from "../bench/machines/codec.ts";
import { gather } from "../bench/machines/machines.ts";
import { createJoiner } from "../bench/machines/parts.ts";
import type { Pool } from "../bench/machines/pool.ts";
import { toAgents } from "../bench/machines/words.ts";
import { type RoomShape, runRoomCell } from "../bench/scenarios/fanout.ts";
import { createArrivals } from "../clients/arrivals.ts";
import { createHistogram, encodeHistogram } from "../clients/histogram.ts";
import type { RoomReport } from "../clients/workloads/room.ts";

const PROCESSES = 4;
const MEMBERS_EACH = 200;
const MESSAGES = 200;
const SENDERS = 1000;
const LOAD_MS = 500;

/** Fleets that answer as those of a room do, at once, but that the load takes its time. */
function mockPool(): Pool {
  let hear: Parameters<Pool["listen"]>[0] = () => {};
  let [fleet, fleets, machines] = [0, 1, [0] as readonly number[]];
  const report = (): RoomReport => {
    const arrivals = createArrivals(SENDERS, 0, MESSAGES, { own: machines[fleet], machines });
    for (let k = 0; k < MESSAGES; k++)
      for (let i = 0; i < MEMBERS_EACH; i++)
        arrivals.arrived(k % SENDERS, Math.floor(k / SENDERS), 0, 1e6 + i * 1e4 + fleet);
    const counts = {
      delivered: MESSAGES * MEMBERS_EACH,
      lost: 0,
      duplicated: 0,
      reordered: 0,
      corrupt: 0,
      unexpected: 0,
    };
    const used = { elapsed: LOAD_MS * 1e6, ownCpu: 1, ownCpus: [], serverCpus: [], stolen: 0, clockStep: 0 };
    return {
      ...{ workload: "room", counts, witnesses: [], sent: 0, expected: 0, withheld: 0, givenUp: 0 },
      ...{ connectionsLost: { count: 0, reason: "", each: [] }, dropped: undefined },
      offered: Array.from({ length: LOAD_MS / 20 }, (_, i) => ({ at: i, messages: i })),
      measured: { used, sent: 0, delivered: counts.delivered, firstHalf: 0, silence: 0 },
      open: {
        ...arrivals.report(),
        lag: encodeHistogram(createHistogram()),
        pace: { offered: 0, asked: 0, achieved: 0, idle: 1 },
        startOffset: 0,
      },
    } as unknown as RoomReport;
  };
  return {
    count: 1,
    pids: () => [],
    listen(listener) {
      hear = listener;
    },
    send(_, message) {
      if (message.type === "plan") {
        ({ fleet, fleets } = message);
        machines = message.place?.machines ?? [0];
        hear(0, { type: "ready", introduction: { prefixes: [] } });
      } else if (message.type === "go")
        setTimeout(
          () => hear(0, { type: "sent", sent: new Int32Array(Math.ceil(SENDERS / fleets)) }),
          LOAD_MS,
        );
      else hear(0, { type: "report", report: report() });
    },
    renew() {},
    stop: async () => {},
  };
}

async function agents(nats: string, count: number): Promise<void> {
  const running = await Promise.all(
    Array.from({ length: count }, (_, i) =>
      startAgent({ nats, name: `${process.pid}-${i}`, fleets: 1, clockPort: 0, pool: mockPool(), tell() {} }),
    ),
  );
  console.log("ready");
  await new Promise((resolve) => process.on("SIGTERM", resolve));
  await Promise.all(running.map((one) => one.stop()));
  process.exit(0);
}

/** What goes over the broker, as a listener beside the bench hears it: bytes each way, and when what was said. */
async function listen(nats: string) {
  const connection = await connect({ servers: new URL(nats).host });
  const heard = { toAgents: 0, fromAgents: 0, plan: 0, go: 0, drain: 0 };
  const join = createJoiner();
  connection.subscribe("sockbench.run.>", {
    callback(_, { data }) {
      heard.toAgents += data.length;
      const whole = join(data);
      const words = whole && toAgents.safeParse(decode(whole)).data;
      if (words?.type === "plan") heard.plan = performance.now();
      else if (words?.type === "say") heard[words.message.type] = performance.now();
    },
  });
  connection.subscribe("sockbench.bench.>", {
    callback(_, { data }) {
      heard.fromAgents += data.length;
    },
  });
  await connection.flush();
  return { heard, end: () => connection.close() };
}

/** One run of a room over so many agents: milliseconds, and bytes at the bench. */
async function measure(nats: string, count: number) {
  const { heard, end } = await listen(nats);
  const begun = performance.now();
  const { fleets } = await gather(nats, {
    ...{ agents: count, targets: ["tcp://10.0.0.1:1"], interrupted: never(), tell() {} },
  });
  const held = performance.now();
  const room: RoomShape = {
    ...{ protocol: "chat/welcome", connections: count * MEMBERS_EACH, messageBytes: 64, warmup: 0 },
    ...{
      duration: LOAD_MS / 1000,
      load: { loop: "open", rate: MESSAGES / (LOAD_MS / 1000), senders: SENDERS },
    },
  };
  const parts = await runRoomCell(room, {
    ...{ target: "tcp://10.0.0.1:1", serverPids: [], tag: 2, fleets, onProgress() {}, broken: never() },
  });
  const merged = performance.now();
  await Promise.all([fleets.stop(), end()]);
  const memory = process.memoryUsage().rss;
  if (parts.counts.delivered !== count * MESSAGES * MEMBERS_EACH) throw new Error("not all was merged");
  return {
    agents: count,
    foundAndHeld: Math.round(held - begun),
    planToGo: Math.round(heard.go - heard.plan),
    lastSendToSample: Math.round(merged - heard.drain),
    kibibytesToAgents: Math.round(heard.toAgents / 1024),
    kibibytesFromAgents: Math.round(heard.fromAgents / 1024),
    memoryMebibytes: Math.round(memory / 1_048_576),
  };
}

const never = () => new Promise<never>(() => {});

async function main(): Promise<void> {
  const [nats, ...rest] = Bun.argv.slice(2);
  if (rest[0] === "agents") return agents(nats, Number(rest[1]));
  if (rest[0] === "measure") return console.log(JSON.stringify(await measure(nats, Number(rest[1]))));
  for (const count of rest.map(Number)) {
    const children = Array.from({ length: PROCESSES }, (_, i) =>
      Bun.spawn(
        [process.execPath, import.meta.path, nats, "agents", `${Math.floor((count + i) / PROCESSES)}`],
        {
          stdio: ["ignore", "pipe", "inherit"],
        },
      ),
    );
    for (const { stdout } of children) for await (const _ of stdout) break;
    // A process of its own each time, so that its memory is that of this number.
    const bench = Bun.spawn([process.execPath, import.meta.path, nats, "measure", `${count}`], {
      stdio: ["ignore", "inherit", "inherit"],
    });
    await bench.exited;
    for (const child of children) child.kill("SIGKILL");
    await Promise.all(children.map(({ exited }) => exited));
  }
}

if (import.meta.main) {
  await main();
  process.exit(0);
}
