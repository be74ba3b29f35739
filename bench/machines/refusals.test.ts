/** What cannot be measured is told in one line, before anything is. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { freePort } from "../../targets/free-port.ts";
import { encode } from "./codec.ts";
import {
  listenAt,
  noBroker,
  type Program,
  program,
  SOCKBENCH,
  startAgent,
  startBench,
  startBroker,
  startHere,
  TOKEN,
} from "./testing.ts";
import { type Offer, subjects, VERSION } from "./words.ts";

async function sockbench(...args: string[]): Promise<{ code: number; lines: string[] }> {
  const one = program(startHere([...SOCKBENCH, ...args]));
  const code = await one.end();
  return { code, lines: one.text().trim().split("\n") };
}

const target = ["--target", "tcp://127.0.0.1:1"];
const nats = ["--nats", "nats://127.0.0.1:1"];

test.each([
  [["bench", "--agents", "2", ...target], 2, "--agents needs --nats"],
  [["bench", ...nats, "--fleets", "2", ...target], 2, "--nats and --fleets do not go together"],
  [["bench", ...nats, "--exec", "true"], 2, "--nats and --exec do not go together"],
  [["bench", ...nats, "--server", "a,b"], 2, "--nats measures one server"],
  [["bench", ...nats, "--server", "mine=./server"], 2, "--nats measures one server"],
  [["bench", "capacity", ...nats, ...target], 2, "capacity is searched by fleets of this machine"],
  [["bench", "--nats", "http://127.0.0.1", ...target], 2, "--nats http://127.0.0.1: expected nats://"],
  [["bench", ...nats, ...target], 3, "--nats nats://127.0.0.1:1: connection refused"],
  [["agent"], 2, "--nats"],
  [["agent", ...nats], 3, "--nats nats://127.0.0.1:1: connection refused"],
  [["agent", ...nats, "--protocol", "/nowhere.ts"], 2, "--protocol /nowhere.ts: there is no such file"],
])("%p ends with code %i and one line", async (args, code, words) => {
  const ended = await sockbench(...args);
  expect(ended.lines).toHaveLength(1);
  expect(ended.lines[0]).toContain(words);
  expect(ended.code).toBe(code);
});

describe.skipIf(noBroker !== undefined)(
  `with a broker${noBroker ? ` (unsupported: ${noBroker})` : ""}`,
  () => {
    let port = 0;
    let url = "";
    let broker: Program;
    const running: Program[] = [];

    beforeAll(async () => {
      port = await freePort("tcp");
      url = `nats://127.0.0.1:${port}`;
      broker = startBroker(startHere, "127.0.0.1", port);
      await broker.says("Server is ready");
    });
    afterEach(async () => {
      for (const one of running.splice(0)) await one.end("SIGTERM");
    });
    afterAll(() => broker.end("SIGTERM"));

    const errorOf = async (one: Program): Promise<string> => {
      const code = await one.end();
      const errors = one
        .text()
        .split("\n")
        .filter((line) => line.startsWith("error: "));
      return `${code}: ${errors.join("\n")}`;
    };

    test.each(["bench", "agent"])(
      "a wrong token, told %s, which does not tell it further",
      async (command) => {
        const wrong = `nats://wrong-secret@127.0.0.1:${port}`;
        const args = command === "bench" ? [...target, "--agents", "1"] : [];
        const { code, lines } = await sockbench(command, "--nats", wrong, ...args);
        expect(lines).toEqual([`error: --nats ${url}: it refuses the token, or user and password`]);
        expect(code).toBe(3);
      },
    );

    test("an agent of another version", async () => {
      const nats = await listenAt("127.0.0.1", port);
      const other: Offer = {
        ...{
          id: "other",
          name: "old",
          version: "sockbench 0.0.1",
          fleets: 1,
          heldBy: null,
          load: 0,
          serves: [],
        },
        clock: { address: "127.0.0.1", port: 9 },
      };
      nats.subscribe(subjects.who, { callback: (_, message) => void message.respond(encode(other)) });
      await nats.flush();
      const error = await errorOf(startBench(startHere, url, ...target, "--agents", "1"));
      expect(error).toBe(`3: error: agent old runs sockbench 0.0.1, and this bench ${VERSION}`);
      await nats.close();
    });

    test("a plan of more connections than an agent's fleet can open, and the agent is free again", async () => {
      const flags = ["agent", "--nats", url, "--name", "small", "--cores", "1"];
      const small = program(
        startHere(["sh", "-c", 'ulimit -n 300; exec "$@"', "sh", ...SOCKBENCH, ...flags], {
          env: { NATS_TOKEN: TOKEN },
        }),
      );
      running.push(small);
      await small.says("offered at");
      const error = await errorOf(
        startBench(startHere, url, ...target, "--agents", "1", "--connections", "1000"),
      );
      expect(error).toContain("3: error: ");
      expect(error).toContain(
        "agent small: this plan is too large: 1000 connections for each fleet, and one may open 300 files here (ulimit -n)",
      );
      await small.says("released");
    });

    test("a target that nobody serves, and one that is another on each machine", async () => {
      const agent = startAgent(startHere, url, "a", "--address", "203.0.113.7");
      running.push(agent);
      await agent.says("offered at");
      const error = await errorOf(startBench(startHere, url, ...target, "--agents", "1"));
      expect(error).toContain("2: error: --target tcp://127.0.0.1:1 is another one on each machine");
      await agent.says("released");
    });
  },
);
