/** Servers of different protocols in one run: what is asked of all is the same, and each is asked it in its own. */
import { expect, test } from "bun:test";
import { protocolOf } from "../../protocols/index.ts";
import { bench } from "../library.ts";
import { faultKinds } from "../record/samples.ts";
import { chooseCells, type Request } from "./choose.ts";

const plain: Request = { quick: false, seed: 1, exhaustive: false, servers: [] };
const chosen = (servers: string[], more: Partial<Request> = {}) =>
  chooseCells(["fanout"], { ...plain, servers, ...more });

test("the room is the same, and the protocol each server's own", () => {
  const cells = chosen(["nats,redis,mosquitto,bun"]);
  expect(cells.map(({ variant }) => variant)).toEqual(["200 open", "200 closed"]);
  for (const { own, parameters } of cells) {
    expect([...(own ?? [])].map(([server, { protocol }]) => [server, protocol])).toEqual([
      ["nats", "nats"],
      ["redis", "redis"],
      ["mosquitto", "mqtt"],
      ["bun", "chat/bracket"],
    ]);
    for (const [, cell] of own ?? [])
      expect(parameters).toEqual({ ...cell.parameters, protocol: "each its own" });
  }
});

test("of all of them no more is under way than a quarter of what the least keeps", () => {
  const [{ parameters }] = chosen(["nats,mosquitto"], { loop: "closed" });
  const { senders, window } = parameters;
  expect(Number(senders) * Number(window)).toBeLessThanOrEqual(250);
  const [{ parameters: alone }] = chosen(["nats,redis"], { loop: "closed" });
  expect(Number(alone.senders) * Number(alone.window)).toBeGreaterThan(250);
});

test("a protocol that is asked for is everybody's", () => {
  const cells = chosen(["nats,bun"], { protocol: "nats", loop: "closed", connections: 9 });
  expect(cells.map(({ variant, own }) => [variant, own])).toEqual([["nats 9 closed", undefined]]);
});

test("what one of them cannot do is no comparison, in words", () => {
  expect(() => chosen(["nats,memcached"])).toThrow(
    "--server nats speaks nats, memcached speaks memcached: fanout does not fit all of them",
  );
});

test("what MQTT 3.1.1 drops past the broker's queue is held against nobody, within it against the broker", () => {
  const { promises } = protocolOf("mqtt/qos1");
  expect(faultKinds("Delivery", promises, 240)).toContain("lost");
  expect(faultKinds("Delivery", promises, 1024)).not.toContain("lost");
  expect(faultKinds("Delivery", promises, 240)).not.toContain("duplicated");
  expect(faultKinds("Delivery", protocolOf("mqtt").promises, 240)).not.toContain("lost");
});

test("two servers of ours that speak different protocols are measured, every delivery verified", async () => {
  const record = await bench("fanout", {
    servers: ["stomp", "bun"],
    connections: 12,
    loop: "closed",
    duration: 0.3,
    warmup: 0.1,
    rounds: 1,
  });
  expect(record.samples.map(({ server, protocol, variant }) => [server, protocol, variant])).toEqual([
    ["stomp", "stomp", "12 closed"],
    ["bun", "chat/bracket", "12 closed"],
  ]);
  for (const { counts, wrong } of record.samples) {
    expect(wrong).toEqual([]);
    expect(counts.delivered).toBeGreaterThan(0);
    expect(counts.delivered).toBe(counts.expected);
  }
}, 60_000);
