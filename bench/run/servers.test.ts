/** Servers that the user gives, as the bench has them: all of their processes, and nothing of them left behind. */
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseEndpoint } from "../../clients/endpoint.ts";
import { allowedCpus } from "../../platform/affinity.ts";
import { everyProcess } from "../../platform/process-tree.ts";
import { command } from "../../targets/commands.ts";
import { untilListening } from "../../targets/ready.ts";
import { running } from "../../targets/running.ts";
import type { ServerSource } from "../../targets/server.ts";
import { startProgram } from "../../targets/started.ts";
import { sum } from "../scenarios/sum.ts";
import { run } from "./run.ts";

const TIMEOUT_MS = 60_000;
const folder = mkdtempSync(`${tmpdir()}/sockbench-servers-`);
afterAll(() => rmSync(folder, { recursive: true }));
const options = {
  quick: true,
  seed: 1,
  exhaustive: false,
  connections: 4,
  window: 4,
  duration: 0.3,
  warmup: 0.1,
};
const cells = sum.cells({ ...options, protocol: "sum/tcp", loop: "closed" });

const sumOf = (source: ServerSource) =>
  run({
    cells,
    sources: [source],
    samples: 1,
    maxSamples: 1,
    fleets: 1,
    command: [],
    interrupted: new Promise(() => {}),
  });

/** A cluster as Node's handbook has it: the first process hands connections to two workers, and does nothing else. */
const CLUSTER = `
  const cluster = require("node:cluster");
  const { createServer } = require("node:net");
  if (cluster.isPrimary) [1, 2].map(() => cluster.fork());
  else createServer((socket) => {
    let text = "";
    socket.on("error", () => {});
    socket.on("data", (bytes) => {
      text += bytes;
      for (let end; (end = text.indexOf("}")) >= 0; text = text.slice(end + 1)) {
        const [a, b] = text.slice(0, end).match(/-?\\d+/g).map(BigInt);
        socket.write('{"Sum":' + (a + b) + "}\\n");
      }
    });
  }).listen(0, "127.0.0.1", function () {
    // All workers have one port.
    if (cluster.worker.id === 1) console.log(JSON.stringify({ listening: "tcp://127.0.0.1:" + this.address().port }));
  });`;
const withNode = test.skipIf(!Bun.which("node") || process.platform !== "linux");

withNode(
  "a cluster's workers are counted, kept to the server's CPUs, and gone with it",
  async () => {
    const file = join(folder, "cluster.cjs");
    await Bun.write(file, CLUSTER);
    const { record, failure } = await sumOf(command("mine", `node ${file}`));
    expect(failure).toBeUndefined();
    const [{ metrics, meters, counts }] = record.samples;
    expect(counts.replies).toBeGreaterThan(0);
    expect(meters!.serverCpuUnknown).toBeUndefined();
    expect(metrics.serverCpuPerRequest).toBeGreaterThan(0);
    // Where there are CPUs enough: a worker that is not pinned would share those of the fleet.
    if (allowedCpus().length > 1) expect(meters!.shared).toBeNull();
    const lines = await Promise.all(
      everyProcess().map(({ pid }) =>
        Bun.file(`/proc/${pid}/cmdline`)
          .text()
          .catch(() => ""),
      ),
    );
    expect(lines.filter((line) => line.includes(file))).toEqual([]);
  },
  TIMEOUT_MS,
);

const sumServer = (port: number) =>
  `${process.execPath} ${import.meta.dir}/../../servers/tcp-sum.ts --port ${port}`;

test.each([
  [
    "an address in use",
    (port: number) => sumServer(port),
    /^sum .*--exec failed to start: tcp:.* answered before it was started/,
  ],
  [
    "a command that ends",
    () => "sh -c 'echo no such thing; exit 7'",
    /^sum .*--exec failed to start: it ended with code 7: no such thing$/,
  ],
])(
  "%s is an error, and nothing is measured in its place",
  async (name, text, words) => {
    const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
    // Port 1 is given to nobody; one that was free a moment ago may be.
    const port = name === "an address in use" ? listener.port : 1;
    const target = parseEndpoint(`tcp://127.0.0.1:${port}`)!;
    const { record, failure } = await sumOf(command("target", text(port), target, "--exec"));
    expect(record.samples).toEqual([]);
    expect(failure?.exitCode).toBe(3);
    expect(failure?.message).toMatch(words);
    expect(failure?.message).not.toContain("\n");
    listener.stop(true);
  },
  TIMEOUT_MS,
);

test.skipIf(allowedCpus().length < 2)(
  "a running target is on the fleets' CPUs as it was, and with --pin-target on its own",
  async () => {
    const server = startProgram("it", [...sumServer(0).split(" "), "--json"]);
    const target = await untilListening("it", server);
    const left = await sumOf(running("target", target));
    expect(left.record.samples[0].pinned).toBe(false);
    expect(left.record.samples[0].meters?.shared).toBeNumber();
    const pinned = await sumOf(running("target", target, { pin: true }));
    expect(pinned.record.samples[0].pinned).toBe(true);
    expect(pinned.record.samples[0].meters?.shared).toBeNull();
    await server.stop();
  },
  TIMEOUT_MS,
);
