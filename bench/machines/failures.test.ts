/** What goes wrong between machines, in the middle of a sample: it ends soon, says why, and the agents are free for the next. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import type { NatsConnection } from "@nats-io/transport-node";
import { withDescendants } from "../../platform/process-tree.ts";
import { freePort } from "../../targets/free-port.ts";
import {
  listenAt,
  noBroker,
  type Program,
  program,
  SOCKBENCH,
  startAgent,
  startBench,
  startBroker,
  startHere,
  until,
  watchSamples,
} from "./testing.ts";

/** From the failure to the bench's end: silence of 2 s, and time for the agents to be released. */
const SOON_MS = 12_000;

describe.skipIf(noBroker !== undefined)(
  `agents of one machine${noBroker ? ` (unsupported: ${noBroker})` : ""}`,
  () => {
    let [port, serverPort] = [0, 0];
    let url = "";
    let target = "";
    let broker: Program;
    let server: Program;
    let agents: Program[] = [];
    const benches: Program[] = [];
    let nats: NatsConnection;
    let sample: (number: number) => Promise<void>;

    beforeAll(async () => {
      [port, serverPort] = [await freePort("tcp"), await freePort("tcp")];
      url = `nats://127.0.0.1:${port}`;
      target = `tcp://127.0.0.1:${serverPort}`;
      server = program(startHere([...SOCKBENCH, "serve", "chat/bracket", "--port", `${serverPort}`]));
      broker = startBroker(startHere, "127.0.0.1", port);
      await broker.says("Server is ready");
    });
    afterAll(async () => {
      await Promise.all([server.end("SIGTERM"), broker.end("SIGTERM")]);
    });
    beforeEach(async () => {
      agents = ["a", "b"].map((name) => startAgent(startHere, url, name));
      nats = await listenAt("127.0.0.1", port);
      sample = await watchSamples(nats);
      await Promise.all(agents.map((one) => one.says("offered at")));
    });
    afterEach(async () => {
      for (const one of benches.splice(0)) await one.end("SIGKILL");
      for (const one of agents.splice(0)) {
        one.child.kill("SIGCONT");
        await one.end("SIGTERM");
      }
      await nats.close();
    });

    const long = ["--duration", "2.2", "--samples", "4"];
    const short = ["--duration", "0.5", "--samples", "1", "--max-samples", "1"];

    function bench(times = long) {
      const load = ["--connections", "8", "--rate", "400", "--warmup", "0.1", "--agents", "2", ...times];
      const one = startBench(startHere, url, "--target", target, ...load);
      benches.push(one);
      return one;
    }

    /** Of a bench in whose second sample something has happened: it ends soon with code 4, and one sample. */
    async function endsWith(one: ReturnType<typeof bench>, reason: string): Promise<void> {
      const since = performance.now();
      expect(await one.end()).toBe(4);
      expect(performance.now() - since).toBeLessThan(SOON_MS);
      expect(one.text()).toContain(reason);
      const { partial, samples } = one.record();
      expect(partial).toContain(reason);
      expect(samples).toHaveLength(1);
    }

    /** The agents take the next bench, which has its sample, and nothing of the last one is left. */
    async function nextRuns(): Promise<void> {
      const next = bench(short);
      await next.end();
      const [{ counts, wrong }] = next.record().samples;
      expect(wrong).toEqual([]);
      expect(counts.lost).toBe(0);
      // An agent and its one fleet: what was at work has been ended.
      for (const { child } of agents.filter(
        ({ child }) => child.exitCode === null && child.signalCode === null,
      ))
        await until("one fleet", () => withDescendants([child.pid]).length === 2);
    }

    test("an agent that is killed", async () => {
      const one = bench();
      await sample(2);
      const pids = withDescendants([agents[1].child.pid]);
      await agents[1].end("SIGKILL");
      await endsWith(one, "agent b said nothing for 2 s");
      await until("its fleet to end", () => pids.every((pid) => !isAlive(pid)));
      agents[1] = startAgent(startHere, url, "b");
      await agents[1].says("offered at");
      await nextRuns();
    });

    test("an agent that is stopped for 3 s", async () => {
      const one = bench();
      await sample(2);
      agents[0].child.kill("SIGSTOP");
      await Bun.sleep(3000);
      agents[0].child.kill("SIGCONT");
      await endsWith(one, "agent a said nothing for 2 s");
      await agents[0].says("free again", 0);
      await nextRuns();
    });

    test("a broker that is started again", async () => {
      const one = bench();
      await sample(2);
      await broker.end("SIGKILL");
      broker = startBroker(startHere, "127.0.0.1", port);
      await endsWith(one, `the connection to the broker ${url} was lost`);
      await Promise.all(agents.map((agent) => agent.says("connected again")));
      await nextRuns();
    });

    test("a bench that is killed, and one that is told who measures", async () => {
      const one = bench();
      await sample(2);
      const second = bench();
      expect(await second.end()).toBe(3);
      expect(second.text()).toContain(`agent a: the bench with pid ${one.child.pid} on `);
      expect(second.text()).toContain(" is measuring with it");
      await one.end("SIGKILL");
      await Promise.all(agents.map((agent) => agent.says("said nothing for 4 s")));
      await nextRuns();
    });

    test("a bench that is interrupted keeps what it has", async () => {
      const one = bench();
      await sample(2);
      one.child.kill("SIGINT");
      await endsWith(one, "interrupted");
      await Promise.all(agents.map((agent) => agent.says("released")));
      await nextRuns();
    });
  },
);

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
