/** That a soak can fail: its clients beside servers that have one fault, and beside those that have none. */
import { afterEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startChatMutant } from "../../servers/mutants/chat.ts";
import type { ChatFault } from "../../servers/mutants/chat-faults.ts";
import { startFileMutant } from "../../servers/mutants/file.ts";
import { startRelayMutant } from "../../servers/mutants/relay.ts";
import { startSumTcpMutant } from "../../servers/mutants/sum-tcp.ts";
import { startSumWsMutant } from "../../servers/mutants/sum-ws.ts";
import type { Running } from "../../servers/standalone.ts";
import { WAIT_MS } from "../../servers/testing.ts";
import { soakFiles } from "./files.ts";
import { questions, soakRequests } from "./requests.ts";
import { soakRoom } from "./room.ts";
import { createTally, type Going, settled, type Tally } from "./tally.ts";

const here = { host: "127.0.0.1", port: 0, every: 10 };
/** More than ten messages of each sender to each receiver. */
const ENOUGH = 150;
/** For what will not come: some messages or requests of each client. */
const TIMEOUT_MS = 500;

let server: Running;
afterEach(() => server.stop());

/** How clients are begun, and how long they wait for what does not come. */
type Start = (url: string, tally: Tally, timeoutMs: number) => Promise<Going>;

/** Lets clients be with the server until they have seen enough, or a fault; what they say of it. */
async function soak(start: Start, enough = ENOUGH, boundMs = WAIT_MS): Promise<Tally> {
  const tally = createTally();
  const going = await start(server.url, tally, TIMEOUT_MS);
  await settled(() => tally.verified >= enough || tally.missing + tally.faults > 0, boundMs);
  await going.stop();
  return tally;
}

const inRoom =
  (protocol: string): Start =>
  (url, tally, timeoutMs) =>
    soakRoom(protocol, url, tally, timeoutMs);
const asking =
  (name: keyof typeof questions): Start =>
  (url, tally, timeoutMs) =>
    soakRequests(questions[name], url, tally, timeoutMs);

const judgement = ({ missing, faults }: Tally) =>
  [missing > 0 && "missing", faults > 0 && "faults"].filter(Boolean).join(" ");

test.each(["chat/bracket", "chat/welcome", "chat/stamped", "chat/json"] as const)(
  "a right %s room loses nothing",
  async (dialect) => {
    server = startChatMutant({ ...here, dialect, fault: "none" });
    const tally = await soak(inRoom(dialect));
    expect([judgement(tally), tally.witnesses]).toEqual(["", []]);
    expect(tally.verified).toBeGreaterThanOrEqual(ENOUGH);
  },
);

test.each<[ChatFault, string]>([
  ["loses", "missing"],
  ["duplicates", "faults"],
  ["corrupts", "faults"],
  ["wrong-author", "faults"],
])("a room that %s is found", async (fault, expected) => {
  server = startChatMutant({ ...here, dialect: "chat/bracket", fault });
  expect(judgement(await soak(inRoom("chat/bracket")))).toContain(expected);
});

test.each([
  ["none", ""],
  ["loses", "missing"],
  ["corrupts", "faults"],
] as const)("a relay with fault %s", async (fault, expected) => {
  server = await startRelayMutant({ ...here, fault, forgetAfterSeconds: 60 });
  expect(judgement(await soak(inRoom("relay")))).toBe(expected);
});

test.each([
  ["none", ""],
  ["no-newline", "faults"],
  ["once", "missing"],
])("sum/tcp with fault %s", async (fault, expected) => {
  server = startSumTcpMutant({ ...here, fault, idleSeconds: 30 });
  const tally = await soak(asking("sum/tcp"));
  expect(expected === "" ? judgement(tally) : judgement(tally).includes(expected)).toBe(
    expected === "" ? "" : true,
  );
});

test("what has not come at the end is missing", async () => {
  server = startChatMutant({ ...here, dialect: "chat/bracket", fault: "silent" });
  const room = await soak(inRoom("chat/bracket"), 1, TIMEOUT_MS);
  await server.stop();
  server = startSumTcpMutant({ ...here, fault: "silent", idleSeconds: 30 });
  const sums = await soak(asking("sum/tcp"), 1, TIMEOUT_MS);
  expect([judgement(room), judgement(sums)]).toEqual(["missing", "missing"]);
});

test.each([
  ["none", ""],
  ["answers-twice", "faults"],
] as const)("sum/ws with fault %s", async (fault, expected) => {
  server = startSumWsMutant({ ...here, fault, idleSeconds: 20 });
  expect(judgement(await soak(asking("sum/ws")))).toBe(expected);
});

test.each([
  ["none", ""],
  ["zeros", "faults"],
])("file with fault %s", async (fault, expected) => {
  const dir = mkdtempSync(join(tmpdir(), "soak-test-"));
  server = startFileMutant({ ...here, dir, fault });
  expect(judgement(await soak((url, tally) => soakFiles(url, dir, tally), 3))).toBe(expected);
  rmSync(dir, { recursive: true });
});
