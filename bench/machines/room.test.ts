/** Three machines with agents, a fourth with the server and a fifth with the broker, each with a clock of its own. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { decodeHistogram } from "../../clients/histogram.ts";
import { createMachines, type Machine, type Machines, unsupported } from "../../testing/namespaces.ts";
import type { RunRecord } from "../record/record.ts";
import {
  type Program,
  program,
  SOCKBENCH,
  scratch,
  startAgent,
  startBench,
  startBroker,
  TOKEN,
  until,
} from "./testing.ts";

const reason = unsupported();
const HOURS = { server: 1, broker: 0, a: 5, b: 400, c: 26 };
const NATS_PORT = 4222;
const SERVER_PORT = 8080;

describe.skipIf(reason !== undefined)(
  `machines that are namespaces${reason ? ` (unsupported: ${reason})` : ""}`,
  () => {
    let machines: Machines;
    let agents: Program[] = [];
    let natsUrl = "";
    let target = "";
    const at = {} as Record<keyof typeof HOURS, Machine>;

    beforeAll(async () => {
      machines = createMachines();
      for (const [name, hours] of Object.entries(HOURS))
        at[name as keyof typeof HOURS] = machines.add(name, { seconds: hours * 3600 });
      natsUrl = `nats://${at.broker.address}:${NATS_PORT}`;
      target = `tcp://${at.server.address}:${SERVER_PORT}`;
      const broker = startBroker(at.broker.start, at.broker.address, NATS_PORT);
      const serve = ["serve", "chat/bracket", "--host", at.server.address, "--port", `${SERVER_PORT}`];
      const server = program(at.server.start([...SOCKBENCH, ...serve]));
      await Promise.all([broker.says("Server is ready"), server.says("listening")]);
      agents = [at.a, at.b, at.c].map(({ name, start }) => startAgent(start, natsUrl, name));
      await Promise.all(agents.map((one) => one.says("offered at")));
    });
    afterAll(() => machines?.close());

    const bench = (...flags: string[]) =>
      startBench(
        at.broker.start,
        natsUrl,
        "--target",
        target,
        "--samples",
        "1",
        "--max-samples",
        "1",
        ...flags,
      );

    test("a room of 1,000 over three machines: nothing lost, all counted, and its times as right as is said", async () => {
      const room = ["--connections", "1000", "--rate", "30", "--warmup", "0.3", "--duration", "1"];
      const one = bench("--agents", "3", ...room);
      await one.end();
      const [{ counts, wrong, histograms, clocks = [] }] = one.record().samples;
      expect(wrong).toEqual([]);
      for (const kind of ["lost", "duplicated", "reordered", "corrupt", "unexpected", "clocksContradicted"])
        expect([kind, counts[kind]]).toEqual([kind, 0]);
      expect(counts.delivered).toBe(counts.sent * 999);
      expect(decodeHistogram(histograms.delivery).totalCount).toBe(30 * 999);
      for (const name of ["first", "last", "spread"])
        expect(decodeHistogram(histograms[name]).totalCount).toBe(30);
      // A third of each message's receivers are on its sender's machine.
      const near = decodeHistogram(histograms.near).totalCount;
      expect(near / (30 * 999)).toBeCloseTo(1 / 3, 1);
      expect(clocks.map(({ machine }) => machine)).toEqual(["a", "b", "c"]);
      // Namespaces have one clock under theirs: what a time would have been by it is known.
      for (const { machine, before, after, bound } of clocks.slice(1)) {
        const truth = at.a.ahead - at[machine as "b" | "c"].ahead;
        expect(Math.abs(before - truth)).toBeLessThanOrEqual(bound);
        expect(Math.abs(after - truth)).toBeLessThanOrEqual(bound);
      }
      const { machines: told = [] } = one.record() as RunRecord;
      expect(told.map(({ name, beside }) => [name, beside])).toEqual([
        ["a", false],
        ["b", false],
        ["c", false],
      ]);
    });

    test("a server that the agent beside it starts is fresh for each sample, and measured there", async () => {
      const url = `tcp://${at.server.address}:9090`;
      const command = [...SOCKBENCH, "serve", "chat/bracket", "--host", at.server.address, "--port", "9090"];
      const file = `${scratch}/targets.json`;
      const entry = { name: "mine", protocols: ["chat-bracket"], url, command: command.join(" ") };
      writeFileSync(file, JSON.stringify([entry]));
      const beside = program(
        at.server.start(
          [...SOCKBENCH, "agent", "--nats", natsUrl, "--name", "beside", "--cores", "0", "--serve", file],
          { env: { NATS_TOKEN: TOKEN } },
        ),
      );
      await beside.says("offered at");
      const load = [
        "--connections",
        "12",
        "--rate",
        "500",
        "--duration",
        "0.5",
        "--protocol",
        "chat/bracket",
      ];
      const more = ["--samples", "2", "--max-samples", "2", "--agents", "3"];
      const one = startBench(at.broker.start, natsUrl, "--server", "mine", ...load, ...more);
      await one.end();
      const { samples, machines: told = [] } = one.record();
      expect(told.map(({ name, fleets }) => [name, fleets])).toEqual([
        ["a", 1],
        ["b", 1],
        ["c", 1],
        ["beside", 0],
      ]);
      expect(samples).toHaveLength(2);
      for (const { wrong, counts, meters, metrics } of samples) {
        expect([wrong, counts.lost]).toEqual([[], 0]);
        expect(meters?.serverCpu).toBeGreaterThan(0);
        expect(meters?.serverMemory).toBeGreaterThan(1_048_576);
        expect(metrics.serverCpuPerDelivery).toBeGreaterThan(0);
      }
      expect(count(`started mine at ${url}`, beside)).toBe(2);
      const unknown = startBench(at.broker.start, natsUrl, "--server", "/bin/sh", "--agents", "3", ...load);
      const waits = unknown.says("and none that starts /bin/sh");
      await waits;
      await unknown.end("SIGTERM");
      await beside.end("SIGTERM");
    });

    test("an agent's cable is out for 2 s", async () => {
      const one = bench("--agents", "3", "--connections", "30", "--rate", "300", "--duration", "6");
      await agents[1].says("held by", count("held by", agents[1]) + 1);
      await Bun.sleep(1500);
      at.b.cable("down");
      await Bun.sleep(2000);
      at.b.cable("up");
      expect(await one.end()).toBe(4);
      expect(one.text()).toContain("agent b said nothing for 2 s");
      await until("all are free", () =>
        agents.every(
          (agent) => count("held by", agent) === count("released", agent) + count("free again", agent),
        ),
      );
      const next = bench("--agents", "3", "--connections", "30", "--rate", "300", "--duration", "0.5");
      await next.end();
      expect(next.record().samples[0].counts.lost).toBe(0);
    });

    test("over an MTU of 1,500 segments are what a network makes of them, without an MSS of ours", async () => {
      const one = program(
        at.broker.start(
          [
            ...SOCKBENCH,
            "bench",
            "coalesce",
            "--busy",
            "--json",
            "--nats",
            natsUrl,
            "--agents",
            "1",
            "--target",
            target,
            "--results",
            scratch,
          ],
          { env: { NATS_TOKEN: TOKEN } },
        ),
      );
      await one.end();
      const text = one.text();
      const record: RunRecord = JSON.parse(text.slice(text.indexOf("{"), text.lastIndexOf("}") + 1));
      const [{ detail }] = record.samples;
      if (detail?.scenario !== "coalesce") throw new Error("no rows");
      const plain = detail.rows.filter(({ path, ethernetMss }) => path === "through chat" && !ethernetMss);
      expect(plain.length).toBeGreaterThan(0);
      expect([...new Set(plain.map(({ mss }) => mss))]).toEqual([1448]);
      // On loopback a burst of many messages leaves in one segment of up to 64 KiB.
      for (const { segmentsOut, payload, messages } of plain)
        expect((segmentsOut ?? 0) * 1448).toBeGreaterThanOrEqual(payload * messages);
    });
  },
);

const count = (words: string, { text }: Program) => text().split(words).length - 1;
