/** What a silent connection costs is seen, whoever ends one is told, and so is the limit that ends it all. */
import { expect, test } from "bun:test";
import { command } from "../../targets/commands.ts";
import { run } from "../run/run.ts";
import { idle } from "./idle.ts";

/** A WebSocket handshake that nobody answers takes 5 s of it. */
const TIMEOUT_MS = 60_000;
const SERVERS = `${import.meta.dir}/../../servers`;

async function runOn(script: string, protocol: string, connections: number, before = "") {
  const text = `${before} ${process.execPath} ${SERVERS}/${script} --port 0 --json`;
  const { record, failure } = await run({
    cells: idle.cells({ quick: true, seed: 1, exhaustive: false, protocol, connections }),
    sources: [command("target", text)],
    samples: 1,
    maxSamples: 1,
    fleets: 1,
    command: [],
    interrupted: new Promise(() => {}),
  });
  if (failure) throw failure;
  return record.samples[0];
}

const perConnection = async (script: string, protocol: string) =>
  (await runOn(script, protocol, 1000)).metrics.serverMemoryPerConnection;

test(
  "a server that keeps a buffer for each connection is seen to need more than the buffer",
  async () => {
    expect(await perConnection("mutants/chat.ts --fault hoards", "chat/bracket")).toBeGreaterThan(60_000);
  },
  TIMEOUT_MS,
);

test.each([
  ["tcp-chat.ts", "chat/bracket"],
  ["ws-chat.ts", "chat/ws"],
  ["tcp-sum.ts", "sum/tcp"],
  ["ws-sum.ts", "sum/ws"],
])(
  "%s needs less than 10 KiB for an idle connection",
  async (script, protocol) => {
    expect(await perConnection(script, protocol)).toBeLessThan(10_240);
  },
  TIMEOUT_MS,
);

test(
  "a server that ends silent connections meanwhile is wrong",
  async () => {
    const { wrong, counts } = await runOn("tcp-sum.ts --idle-timeout 0.2", "sum/tcp", 50);
    expect(wrong.map(({ kind }) => kind)).toEqual(["connections lost"]);
    expect(counts.open).toBeLessThan(50);
  },
  TIMEOUT_MS,
);

const limited = test.skipIf(Bun.which("prlimit") === null);
limited.each([
  ["tcp-chat.ts", "chat/bracket"],
  ["ws-sum.ts", "sum/ws"],
])(
  "%s with a small file table: the limit is named, and nothing is wrong",
  async (script, protocol) => {
    const { detail, wrong } = await runOn(script, protocol, 300, "prlimit --nofile=100");
    expect(detail?.scenario === "idle" ? detail.limit : "").toStartWith(
      "the server's file table is full at 100 files; raise it with ulimit -n",
    );
    expect(wrong).toEqual([]);
  },
  TIMEOUT_MS,
);
