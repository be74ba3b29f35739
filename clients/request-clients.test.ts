/** What a reply that is not the expected one says, without a socket: each event is counted once, by its cause. */
import { describe, expect, test } from "bun:test";
import { capabilityOf, type Transport } from "../protocols/index.ts";
import { encodeFrame, FIN, opcodes } from "../protocols/websocket.ts";
import { createHistogram } from "./histogram.ts";
import { ask, askAll, createRequestClient, emptyCounts, receive, type SumRun } from "./request-clients.ts";
import { createRequestPool } from "./requests.ts";

const sums = {
  tcp: { requests: capabilityOf("sum/tcp", "requests") },
  udp: { requests: capabilityOf("sum/udp", "requests") },
  ws: { requests: capabilityOf("sum/ws", "requests") },
};

function setUp(transport: Transport, depth = 100) {
  const sent: Uint8Array[] = [];
  const member = {
    fd: undefined,
    index: 0,
    address: "",
    port: 0,
    id: "",
    send(bytes: Uint8Array, from: number, to: number) {
      sent.push(bytes.slice(from, to));
      return true;
    },
    taken: () => 0,
    pending: () => 0,
    finish: () => {},
    close: () => {},
    reset: () => {},
  };
  const { requests } = sums[transport];
  const pool = createRequestPool(requests, 7);
  const client = createRequestClient(member, pool, depth, 0);
  const run: SumRun = {
    requests,
    counts: emptyCounts(),
    witnesses: [],
    latency: createHistogram(),
    measuring: false,
    asking: false,
    clients: [client],
    lastReply: 0,
    longestSilence: 0,
    batch: new Uint8Array(65_536),
  };
  const askFor = (count: number) => {
    for (let i = 0; i < count; i++) ask(run, client, 0);
  };
  const reply = (...places: number[]) =>
    receive(run, client, Buffer.concat(places.map((place) => pool[place].reply)));
  const told = () => Object.fromEntries(Object.entries(run.counts).filter(([, count]) => count > 0));
  return { run, client, pool, sent, askFor, reply, told };
}

test("no two requests of a pool have the same reply", () => {
  for (const transport of ["tcp", "ws", "udp"] as const) {
    const pool = createRequestPool(sums[transport].requests, 1);
    expect(new Set(pool.map(({ reply }) => Buffer.from(reply).toString("latin1"))).size).toBe(pool.length);
  }
});

describe.each(["tcp", "ws"] as const)("over %s", (transport) => {
  test("one request that is not answered is one missing, and nothing behind it is wrong", () => {
    const { askFor, reply, told } = setUp(transport);
    askFor(50);
    reply(...Array.from({ length: 50 }, (_, i) => i).filter((i) => i !== 20));
    expect(told()).toEqual({ sent: 50, replies: 49, missing: 1 });
  });

  test("replies in another order are reordered, and no longer missing once they have come", () => {
    const { askFor, reply, told } = setUp(transport);
    askFor(4);
    reply(1, 0, 2, 3);
    expect(told()).toEqual({ sent: 4, replies: 4, reordered: 1 });
  });

  test("a reply that comes twice is duplicated, also when nothing is in flight", () => {
    const { askFor, reply, told } = setUp(transport);
    askFor(3);
    reply(0, 0, 1, 2, 2);
    expect(told()).toEqual({ sent: 3, replies: 3, duplicated: 2 });
  });

  test("a wrong reply is wrong, and told beside the right one", () => {
    const { run, pool, askFor, reply, told } = setUp(transport);
    askFor(2);
    const wrong = Buffer.from(pool[0].reply);
    wrong[wrong.indexOf(":") + 1] ^= 7;
    receive(run, run.clients[0], wrong);
    reply(1);
    expect(told()).toEqual({ sent: 2, replies: 2, wrong: 1 });
    expect(run.witnesses).toMatchObject([{ kind: "wrong", request: pool[0].text }]);
    expect(run.witnesses[0].expected).not.toBe(run.witnesses[0].got);
  });

  test("what nobody has asked for is unexpected", () => {
    const { reply, told } = setUp(transport);
    reply(0);
    expect(told()).toEqual({ unexpected: 1 });
  });

  test("replies are found wherever the reads cut them", () => {
    const { run, client, pool, askFor, told } = setUp(transport);
    askFor(4);
    const stream = Buffer.concat([0, 2, 3].map((place) => pool[place].reply));
    for (const byte of stream) receive(run, client, new Uint8Array([byte]));
    expect(told()).toEqual({ sent: 4, replies: 3, missing: 1 });
  });
});

test("datagrams may come in any order, and what came after it was given up is late", () => {
  const { askFor, reply, run, told } = setUp("udp");
  askFor(3);
  for (const place of [2, 0, 1, 500]) reply(place);
  expect(told()).toEqual({ sent: 3, replies: 3, late: 1 });
  expect(run.witnesses).toEqual([]);
});

test("a reply without an end is given up after a bounded number of bytes", () => {
  const { run, client, askFor, told } = setUp("tcp");
  askFor(1);
  for (let i = 0; i < 40; i++) receive(run, client, new Uint8Array(10_000).fill(97));
  expect(client.carry.length).toBeLessThan(100_000);
  expect(told().unexpected).toBeGreaterThan(0);
});

test("a ping is answered and is no reply", () => {
  const { run, client, askFor, reply, sent, told } = setUp("ws");
  askFor(1);
  receive(run, client, encodeFrame(FIN | opcodes.ping, "hi"));
  reply(0);
  expect(told()).toEqual({ sent: 1, replies: 1 });
  expect(sent.at(-1)?.[0]).toBe(FIN | opcodes.pong);
});

test("a reply whose length takes 64 bits is read to its end, also where the reads cut it", () => {
  const { run, client, pool, askFor, reply, told } = setUp("ws");
  askFor(3);
  const long = encodeFrame(FIN | opcodes.text, "x".repeat(70_000));
  receive(run, client, long);
  expect(told()).toEqual({ sent: 3, replies: 1, wrong: 1 });
  const { reply: right } = pool[1];
  const wordy = Buffer.concat([
    Buffer.from([FIN | opcodes.text, 127, 0, 0, 0, 0, 0, 0, 0, right.length - 2]),
    right.subarray(2),
  ]);
  for (const byte of wordy) receive(run, client, new Uint8Array([byte]));
  reply(2);
  expect(told()).toEqual({ sent: 3, replies: 3, wrong: 2 });
  expect(run.witnesses.map(({ got }) => got?.slice(0, 7))).toEqual(["xxxxxxx", '{"Sum":']);
});

test.each([
  ["soon answered", 0, [1, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6]],
  ["slowly answered", 10e9, [1, 2, 1, 4, 3, 2, 1, 6, 6, 6, 6]],
])("a closed loop whose first request is %s has in flight what it may have next", (_, age, wanted) => {
  const { run, client, reply } = setUp("tcp", 6);
  run.asking = true;
  askAll(run, client);
  const inFlight = [client.count];
  for (let place = 0; place < 10; place++) {
    client.since -= age;
    reply(place);
    inFlight.push(client.count);
  }
  expect(inFlight).toEqual(wanted);
});
