/** Which cells a request chooses, with nothing started. */
import { describe, expect, test } from "bun:test";
import { Failure } from "../../platform/failure.ts";
import { scenarios } from "../scenarios/index.ts";
import { chooseCells, type Request } from "./choose.ts";

const plain: Request = { quick: false, seed: 1, exhaustive: false, servers: ["bun"] };
const chosen = (names: string[], request: Partial<Request> = {}) =>
  chooseCells(names, { ...plain, ...request });
const variants = (names: string[], request: Partial<Request> = {}) =>
  chosen(names, request).map(({ variant }) => variant);

function refusal(names: string[], request: Partial<Request>): Failure {
  try {
    chosen(names, request);
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
  throw new Error("nothing was refused");
}

describe("the cells that run", () => {
  test("without a name every scenario has some, in the order of the table", () => {
    const names = [...new Set(chosen([]).map(({ scenario }) => scenario))];
    expect(names).toEqual(scenarios.map(({ name }) => name));
  });

  test("of named scenarios alone", () => {
    expect(new Set(chosen(["sum"]).map(({ scenario }) => scenario))).toEqual(new Set(["sum"]));
  });

  test("are of one protocol, transport or loop where that is asked for", () => {
    expect(variants(["fanout"], { protocol: "chat/json", loop: "closed", connections: 7 })).toEqual([
      "chat/json 7 closed",
    ]);
    const udp = chosen([], { transport: "udp" }).map(({ protocol }) => protocol);
    expect(new Set(udp)).toEqual(new Set(["relay", "sum/udp"]));
  });

  test("a rate is an open loop's", () => {
    expect(variants(["fanout"], { protocol: "chat/bracket", connections: 9, rate: 100 })).toEqual([
      "chat/bracket 9 open",
    ]);
  });

  test("a target gets the protocol that it is taken for, or the named one", () => {
    const target = "tcp://127.0.0.1:9";
    const protocols = (request: Partial<Request>) =>
      new Set(chosen([], { target, ...request }).map(({ protocol }) => protocol));
    expect(protocols({})).toEqual(new Set(["chat/bracket"]));
    expect(protocols({ protocol: "echo" })).toEqual(new Set(["echo"]));
  });
});

describe("what cannot run is refused", () => {
  test("a scenario that there is not, with those that there are", () => {
    const { exitCode, message } = refusal(["nope"], {});
    expect(exitCode).toBe(2);
    expect(message).toContain('"nope"');
    for (const { name } of scenarios) expect(message).toContain(name);
  });

  test("a scenario that does not fit, with its protocols and the scenarios that fit", () => {
    const { exitCode, message } = refusal(["sum"], { protocol: "chat/bracket" });
    expect(exitCode).toBe(3);
    expect(message).toBe(
      "nothing to run: sum does not fit --protocol chat/bracket; its protocols are sum/tcp, sum/udp, sum/ws, nats, redis, redis/resp3, memcached, http; " +
        "scenarios that fit: framing, coalesce, fanout, connect, idle",
    );
  });

  test("flags that nothing fits, without a suggestion", () => {
    const { message } = refusal([], { transport: "udp", protocol: "echo" });
    expect(message).toBe("nothing to run: no scenario fits --protocol echo --transport udp");
  });
});
