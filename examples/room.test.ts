/**
 * A test suite that uses sockbench: it fails a build when a room loses a message, or when its p99 goes above a
 * bound. Run it with `bun test examples`; put the address of your own server in place of ours.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
// In a project of your own: import { bench, conform } from "sockbench";
import { bench, conform } from "../index.ts";
import { startChat } from "../servers/tcp-chat.ts";

/** Generous, since a build machine is no quiet place; a real bound is one that you have measured. */
const P99_BOUND_NS = 2e9;

let server: ReturnType<typeof startChat>;
beforeAll(() => {
  server = startChat({ host: "127.0.0.1", port: 0, dialect: "chat/bracket" });
});
afterAll(() => server.stop());

test("a room of 20 loses nothing and stays below its bound", async () => {
  const record = await bench("fanout", {
    target: server.url,
    connections: 20,
    rate: 500,
    duration: 1,
    // On a machine that is busy with other things a sample may break a rule of validity: that is told, and
    // what was lost or corrupted counts all the same.
    maxSamples: 1,
  });
  for (const { wrong, counts, metrics } of record.samples) {
    expect(wrong).toEqual([]);
    expect(counts.delivered).toBe(counts.expected);
    expect(metrics["delivery.p99"]).toBeLessThan(P99_BOUND_NS);
  }
}, 60_000);

test("the room keeps the rules of framing", async () => {
  const { counts } = await conform({ choice: ["chat-bracket/1"], target: server.url });
  expect(counts.fail).toBe(0);
  expect(counts.pass).toBeGreaterThan(0);
}, 60_000);
