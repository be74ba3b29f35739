/** Messages between bench and agents: what they carry arrives as it was, and what is none of ours is refused. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { resolveProtocol } from "../../clients/protocol-file.ts";
import { removeProtocol } from "../../protocols/index.ts";
import { withoutSecrets } from "./broker.ts";
import { decode, encode } from "./codec.ts";
import { createJoiner, split } from "./parts.ts";
import { checkPlan } from "./plan.ts";
import { hashOf, protocolFile } from "./protocol-file.ts";

describe("values as bytes", () => {
  test("typed arrays, maps and numbers that JSON has not come back as they were", () => {
    const value = {
      sent: new Int32Array([1, -2, 3]),
      first: new Float64Array([0.5, Number.POSITIVE_INFINITY, -0]),
      receivers: new Uint16Array([7]),
      prefixes: [new Uint8Array([1, 2, 3]), new Uint8Array(0)],
      busy: new Map([[0, 12.5]]),
      least: Number.POSITIVE_INFINITY,
      text: "ä\u0000",
      none: null,
    };
    expect(decode(encode(value))).toEqual(value);
  });

  test("a part of another buffer comes back alone", () => {
    const all = new Float64Array([1, 2, 3, 4]);
    expect(decode(encode(all.subarray(1, 3)))).toEqual(new Float64Array([2, 3]));
  });

  test("what was not made by it is refused, never read beyond its end", () => {
    const whole = encode({ array: new Float64Array(8) });
    for (let length = 0; length < whole.length; length++)
      expect(() => decode(whole.subarray(0, length))).toThrow();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        try {
          decode(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(Error);
        }
      }),
    );
  });

  test.each(["Uint64Array", "constructor", "__proto__"])("an array of kind %p is none", (kind) => {
    const text = Buffer.from(JSON.stringify({ $: [kind, 0, 0] }));
    const head = new Uint8Array(4);
    new DataView(head.buffer).setUint32(0, text.length, true);
    expect(() => decode(Buffer.concat([head, text, new Uint8Array(16)]))).toThrow(
      "an array that is not there",
    );
  });
});

describe("messages in parts", () => {
  const message = (length: number) => Uint8Array.from({ length }, (_, i) => i);

  test.each([0, 1, 87, 88, 89, 1000])("%i bytes arrive whole", (length) => {
    const join = createJoiner();
    const joined = split(1, message(length), 100).map(join);
    expect(joined.at(-1)).toEqual(message(length));
    expect(joined.slice(0, -1).every((one) => one === undefined)).toBe(true);
  });

  test("a message whose part was lost is not told, and the next one is", () => {
    const join = createJoiner();
    const [first, , ...rest] = split(1, message(400), 100);
    expect([first, ...rest].map(join)).toEqual([first, ...rest].map(() => undefined));
    expect(split(2, message(5), 100).map(join)).toEqual([message(5)]);
  });

  test("one that is too large is refused in one line that says what to do", () => {
    expect(() => split(1, message(2_000_000), 1000, 1_048_576)).toThrow(
      "this plan is too large: 2 MiB in one message, and agents take 1; use fewer --connections, or a shorter --duration",
    );
  });

  test("whoever sends more than the bound is not kept", () => {
    const join = createJoiner(1000);
    const parts = split(1, message(2000), 100);
    expect(parts.map(join).every((one) => one === undefined)).toBe(true);
  });
});

describe("what an agent takes for a plan", () => {
  const room = {
    workload: "room",
    target: "tcp://10.0.0.1:8080",
    protocol: "chat/bracket",
    connections: 100,
    serverPids: [1],
  };
  const check = (plan: unknown) => checkPlan(plan, { fleets: 2, serverPids: () => [] });

  test("one of a room, without the bench's processes", () => {
    expect(check(room)).toEqual({ plan: { ...room, serverPids: [] } as never });
  });

  test.each([
    ["no file of a protocol's", { module: "/etc/passwd" }],
    ["no processes to look at", { serverPids: [1, 2, 3] }],
  ])("%s comes over the wire", (_, more) => {
    expect(check({ ...room, ...more })).toEqual({ plan: { ...room, serverPids: [] } as never });
  });

  test.each([
    [{ workload: "blocks" }, "no agent runs blocks"],
    [{ workload: "sh -c" }, "no agent runs sh -c"],
    [{ target: "unix:///run/docker.sock" }, "unix:///run/docker.sock is a file of one machine"],
    [{ target: "file:///etc/passwd" }, "file:///etc/passwd is no target"],
    [{ trust: { ca: "/etc/shadow" } }, "--ca names a file of the bench's machine"],
    [{ protocol: "mine" }, "no protocol mine; start the agent with --protocol"],
    [{ connections: 1e12 }, "this plan is too large: 500000000000 connections for each fleet"],
    [{ connections: "1e999" }, "this plan is too large"],
  ])("%p is refused in words", (more, words) => {
    const checked = check({ ...room, ...more });
    expect("no" in checked ? checked.no : "").toContain(words);
  });

  test.each([[null], [7], ["room"], [[]]])("%p is none", (plan) => {
    expect("no" in check(plan)).toBe(true);
  });
});

test("a protocol of the user's is the agent's own copy, by name and hash", async () => {
  const file = `${import.meta.dir}/../../examples/length-json.ts`;
  const name = await resolveProtocol(file);
  try {
    expect(protocolFile(name)).toEqual({ name, hash: hashOf(file) });
    expect(protocolFile("echo")).toBeUndefined();
  } finally {
    removeProtocol(name);
  }
});

test("no secret of a broker's URL is kept", () => {
  expect(withoutSecrets("nats://user:pass@host:4222")).toBe("nats://host:4222");
  expect(withoutSecrets("--nats=tls://token@host")).toBe("--nats=tls://host");
  expect(withoutSecrets("--connections")).toBe("--connections");
});
