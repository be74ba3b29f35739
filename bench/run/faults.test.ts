/** A gate that cannot fail is none: every scenario finds a server that has the fault it looks for. */
import { describe, expect, test } from "bun:test";
import { command as commandSource } from "../../targets/commands.ts";
import type { ServerUnderTest } from "../../targets/server.ts";
import { coalesce } from "../scenarios/coalesce.ts";
import { connect } from "../scenarios/connect.ts";
import { fanout } from "../scenarios/fanout.ts";
import { framing } from "../scenarios/framing.ts";
import type { BenchOptions, Scenario } from "../scenarios/scenario.ts";
import { sum } from "../scenarios/sum.ts";
import { transfer } from "../scenarios/transfer.ts";
import { truncate } from "../scenarios/truncate.ts";
import { renderRun } from "../terminal/summary.ts";
import { run } from "./run.ts";
import type { RunResult } from "./session.ts";

const TIMEOUT_MS = 90_000;
const quick: BenchOptions = { quick: true, seed: 1, exhaustive: false, duration: 0.3, warmup: 0.1 };

function runOn(
  scenario: Scenario,
  command: string,
  options: Partial<BenchOptions>,
  before = "",
): Promise<RunResult> {
  return run({
    cells: scenario.cells({ ...quick, ...options }),
    sources: [
      commandSource(
        "target",
        `${before} ${process.execPath} ${import.meta.dir}/../../servers/${command} --port 0 --json`,
      ),
    ],
    samples: 1,
    maxSamples: 1,
    fleets: 1,
    command: [],
    interrupted: new Promise(() => {}),
  });
}

const kindsOf = ({ record }: RunResult) => [
  ...new Set(record.samples.flatMap(({ wrong }) => wrong.map(({ kind }) => kind))),
];
const bracket = { protocol: "chat/bracket" };
const room = { ...bracket, connections: 12, rate: 2000 };

type Row = [scenario: Scenario, command: string, options: Partial<BenchOptions>, kind: string];
const faulty: Row[] = [
  [framing, "mutants/chat.ts --fault splits", bracket, "corrupt"],
  [framing, "mutants/chat.ts --fault coalesces", bracket, "corrupt"],
  [framing, "mutants/chat.ts --fault reorders --every 7", bracket, "reordered"],
  [framing, "mutants/chat.ts --dialect chat/welcome --fault splits", { protocol: "chat/welcome" }, "corrupt"],
  [framing, "mutants/sum-tcp.ts --fault one-read", { protocol: "sum/tcp" }, "corrupt"],
  [framing, "mutants/sum-tcp.ts --fault out-of-order", { protocol: "sum/tcp" }, "reordered"],
  [framing, "mutants/sum-tcp.ts --fault rounds", { protocol: "sum/tcp" }, "corrupt"],
  [framing, "tcp-echo.ts --unframed", { protocol: "echo" }, "lost"],
  [coalesce, "mutants/chat.ts --fault loses --every 50", { ...bracket, size: 100 }, "missing"],
  [truncate, "mutants/relay.ts --fault corrupts --every 1", {}, "corrupt"],
  [truncate, "mutants/relay.ts --fault forwards-512", {}, "truncated"],
  [fanout, "mutants/chat.ts --fault loses --every 20", room, "lost"],
  [fanout, "mutants/chat.ts --fault duplicates --every 20", room, "duplicated"],
  [fanout, "mutants/chat.ts --fault reorders --every 20", room, "reordered"],
  [fanout, "mutants/chat.ts --fault corrupts --every 20", { ...room, loop: "closed" }, "corrupt"],
  [
    fanout,
    "mutants/relay.ts --fault duplicates --every 20",
    { protocol: "relay", connections: 8, rate: 500 },
    "duplicated",
  ],
  [
    fanout,
    "mutants/relay.ts --fault corrupts --every 20",
    { protocol: "relay", connections: 8, rate: 500 },
    "corrupt",
  ],
  [transfer, "mutants/file-stream.ts --fault drops", { fileSize: 4 }, "lost"],
  [transfer, "mutants/file-stream.ts --fault zeros", { fileSize: 4 }, "corrupt"],
  [transfer, "mutants/file-stream.ts --fault refuses", { fileSize: 4 }, "refused"],
  [transfer, "mutants/file-stream.ts --fault silent", { fileSize: 4 }, "missing"],
  [connect, "mutants/chat.ts --fault leave-loses", { ...bracket, connections: 4, rate: 1000 }, "lost"],
  [connect, "mutants/chat.ts --fault keeps", { ...bracket, connections: 4 }, "failed"],
  [
    sum,
    "mutants/sum-ws.ts --fault rounds",
    { protocol: "sum/ws", connections: 5, window: 4, loop: "closed" },
    "wrong",
  ],
  [
    sum,
    "mutants/sum-ws.ts --fault out-of-order",
    { protocol: "sum/ws", connections: 5, window: 4, loop: "closed" },
    "reordered",
  ],
  [framing, "mutants/chat.ts --fault echo-turned", bracket, "unexpected"],
  [fanout, "mutants/chat.ts --fault echo-turned", { ...room, loop: "closed" }, "unexpected"],
  [fanout, "mutants/chat.ts --fault echo-turned", room, "unexpected"],
  [fanout, "known/chat.ts --endless", room, "unexpected"],
];

test.each(faulty.map((row) => [row[0].name, row[1], row] as const))(
  "%s finds that %s is wrong",
  async (_name, _command, [scenario, command, options, kind]) => {
    const result = await runOn(scenario, command, options);
    expect(kindsOf(result)).toContain(kind);
    const witnesses = result.record.samples.flatMap(({ witnesses }) => witnesses);
    // What a coalescing server lost is told by its count alone.
    if (scenario !== coalesce) expect(witnesses).not.toBeEmpty();
  },
  TIMEOUT_MS,
);

const right: [scenario: Scenario, command: string, options: Partial<BenchOptions>][] = [
  [framing, "tcp-chat.ts", bracket],
  [framing, "tcp-chat.ts --dialect chat/welcome", { protocol: "chat/welcome" }],
  [framing, "tcp-chat.ts --dialect chat/stamped", { protocol: "chat/stamped" }],
  [framing, "tcp-chat.ts --dialect chat/json", { protocol: "chat/json" }],
  [framing, "tcp-sum.ts", { protocol: "sum/tcp" }],
  [framing, "mutants/sum-tcp.ts", { protocol: "sum/tcp" }],
  [framing, "tcp-echo.ts", { protocol: "echo" }],
  [coalesce, "tcp-chat.ts", { ...bracket, size: 100 }],
  [truncate, "udp-relay.ts", {}],
  [truncate, "udp-relay.ts --oversize truncate", {}],
  [fanout, "tcp-chat.ts", { ...bracket, connections: 12 }],
  [fanout, "udp-relay.ts", { protocol: "relay", connections: 8 }],
  [fanout, "known/chat.ts", { ...bracket, connections: 12 }],
  // Slow is not wrong, and neither is a message so large that its room can keep few of them.
  [fanout, "known/chat.ts --deliveries 5000", { ...bracket, connections: 100, loop: "closed" }],
  [fanout, "tcp-chat.ts", { ...bracket, connections: 20, loop: "closed", size: 16_384 }],
  [fanout, "tcp-chat.ts", { ...bracket, connections: 20, loop: "closed", size: 60_000 }],
  [fanout, "ws-chat.ts", { protocol: "chat/ws", connections: 20, loop: "closed", size: 16_384 }],
  [transfer, "mutants/file-stream.ts", { fileSize: 4 }],
  [connect, "tcp-chat.ts", bracket],
  [connect, "ws-sum.ts", { protocol: "sum/ws" }],
  [sum, "ws-sum.ts", { protocol: "sum/ws", connections: 5 }],
];

test.each(right.map((row) => [row[0].name, row[1], row] as const))(
  "%s finds nothing wrong with %s, and its counts add up",
  async (_name, _command, [scenario, command, options]) => {
    const { record, failure } = await runOn(scenario, command, options);
    expect(failure).toBeUndefined();
    expect(kindsOf({ record })).toEqual([]);
    for (const { counts } of record.samples)
      if (counts.expected !== undefined)
        expect(counts.delivered + counts.lost + counts.undelivered).toBe(counts.expected);
  },
  TIMEOUT_MS,
);

describe("truncate says", () => {
  const boundaryOf = ({ record }: RunResult) => {
    const { detail } = record.samples[0];
    return detail?.scenario === "truncate" ? detail.paths[0] : undefined;
  };
  test.each([
    ["udp-relay.ts", 1024, "dropped and told"],
    ["udp-relay.ts --oversize truncate", 1024, "truncated silently"],
    ["mutants/relay.ts --fault drops-silently", 1024, "dropped silently"],
    ["mutants/relay.ts --fault forwards-512", 512, "truncated silently"],
  ] as const)(
    "of %s that %i bytes pass and more is %s",
    async (command, boundary, beyond) => {
      expect(boundaryOf(await runOn(truncate, command, {}))).toMatchObject({ boundary, beyond });
    },
    TIMEOUT_MS,
  );
});

test(
  "a server that ends in the middle is told as the reason, and what was finished is kept",
  async () => {
    const { record, failure } = await runOn(fanout, "mutants/chat.ts --fault crashes --every 100", {
      ...bracket,
      connections: 12,
    });
    expect(failure?.exitCode).toBe(1);
    expect(failure?.message).toContain("ended with code");
    expect(record.partial).toBe(failure!.message);
  },
  TIMEOUT_MS,
);

test(
  "a server that takes connections and never answers is unreachable, in a bounded time",
  async () => {
    const { failure } = await runOn(fanout, "mutants/chat.ts --fault silent", { ...bracket, connections: 4 });
    expect(failure?.exitCode).toBe(3);
    expect(failure?.message).toContain("heard nothing of the room within");
  },
  TIMEOUT_MS,
);

test.skipIf(Bun.which("prlimit") === null)(
  "a server whose file table is full is told as that",
  async () => {
    const few = "prlimit --nofile=100";
    const { failure } = await runOn(fanout, "tcp-chat.ts", { ...bracket, connections: 150 }, few);
    expect(failure?.exitCode).toBe(3);
    expect(failure?.message).toContain(
      "the server's file table is full at 100 files; raise it with ulimit -n",
    );
  },
  TIMEOUT_MS,
);

const rulesOf = ({ record }: RunResult) =>
  record.samples.flatMap(({ invalid }) => invalid.map(({ rule }) => rule));

test(
  "a message without its right prefix is corrupt, told beside what it should be, and not lost besides",
  async () => {
    const { record } = await runOn(fanout, "mutants/chat.ts --fault no-port", { ...room, loop: "closed" });
    const [{ counts, witnesses }] = record.samples;
    expect(counts).toMatchObject({ delivered: 0, lost: 0, unexpected: 0, corrupt: counts.expected });
    expect(counts.corrupt).toBeGreaterThan(0);
    expect(witnesses[0].expected).toMatch(/^\[127\.0\.0\.1:\d+\]: /);
    expect(witnesses[0].text).toStartWith("[127.0.0.1]: ");
  },
  TIMEOUT_MS,
);

test(
  "what a server keeps for ever makes the sample invalid and no fault, since it might still come",
  async () => {
    const result = await runOn(fanout, "known/chat.ts --deaf-after 50", { ...room, loop: "closed" });
    const [{ counts }] = result.record.samples;
    expect(kindsOf(result)).toEqual([]);
    expect(rulesOf(result)).toContain("not delivered in time");
    expect(counts.delivered + counts.undelivered).toBe(counts.expected);
  },
  TIMEOUT_MS,
);

test(
  "a load that outruns the queue which a room promises is the load's fault",
  async () => {
    const result = await runOn(fanout, "tcp-chat.ts", {
      ...bracket,
      connections: 20,
      loop: "closed",
      size: 60_000,
      senders: 20,
      window: 1000,
      duration: 2,
    });
    expect(kindsOf(result)).toEqual([]);
    expect(rulesOf(result)).toContain("load generator fell behind");
  },
  TIMEOUT_MS,
);

test(
  "a server that stalls for a while is told",
  async () => {
    const stopMs = 1500;
    let server: ServerUnderTest | undefined;
    const source = commandSource(
      "target",
      `${process.execPath} ${import.meta.dir}/../../servers/tcp-chat.ts --port 0 --json`,
    );
    const { record } = await run({
      cells: fanout.cells({ ...quick, ...room, duration: 4 }),
      sources: [
        {
          ...source,
          async start(protocol) {
            server = await source.start(protocol);
            return server;
          },
        },
      ],
      samples: 1,
      maxSamples: 1,
      fleets: 1,
      command: [],
      interrupted: new Promise(() => {}),
      onProgress({ progress }) {
        if (!progress || progress.delivered === 0) return;
        const stopped = server;
        server = undefined;
        stopped?.pause();
        setTimeout(() => stopped?.resume(), stopMs);
      },
    });
    const [sample] = record.samples;
    expect(sample.wrong).toEqual([]);
    expect(sample.metrics.longestSilence).toBeGreaterThan((stopMs / 2) * 1e6);
    expect(renderRun(record, "here")).toContain(": no delivery for ");
  },
  TIMEOUT_MS,
);
