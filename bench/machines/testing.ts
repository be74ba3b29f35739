/** For tests: a broker, agents and benches as programs, on this machine or in namespaces; and what goes on between them. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { mortal, type Started } from "../../testing/namespaces.ts";
import type { RunRecord } from "../record/record.ts";
import { decode } from "./codec.ts";
import { createJoiner } from "./parts.ts";
import { fromAgent } from "./words.ts";

export const SOCKBENCH = [process.execPath, `${import.meta.dir}/../sockbench.ts`];
export const TOKEN = "for-the-tests";
const WAIT_MS = 25_000;

export type Start = (argv: string[], options?: { env?: Record<string, string> }) => Started;

/** On this machine. */
export const startHere: Start = (argv, { env = {} } = {}) =>
  Bun.spawn([...mortal, ...argv], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    env: { ...process.env, ...env },
  });

export const noBroker = Bun.which("nats-server") ? undefined : "nats-server is not installed";

/** A program whose output is kept, and can be waited for. */
export type Program = {
  child: Started;
  /** Both outputs so far. */
  text: () => string;
  /** Resolves once it has said so; throws with all it said where it does not. */
  says: (words: string, times?: number) => Promise<void>;
  end: (signal?: NodeJS.Signals) => Promise<number>;
};

export function program(child: Started): Program {
  let text = "";
  const read = async (stream: ReadableStream<Uint8Array>) => {
    for await (const chunk of stream) text += Buffer.from(chunk).toString();
  };
  const over = Promise.all([read(child.stdout), read(child.stderr)]);
  return {
    child,
    text: () => text,
    says: (words, times = 1) =>
      until(
        `"${words}" in: ${text}`,
        () => text.split(words).length > times,
        () => text,
      ),
    async end(signal) {
      if (signal) child.kill(signal);
      const code = await child.exited;
      await over;
      return code;
    },
  };
}

/** Waits, for a bounded time, until something holds. */
export async function until(what: string, holds: () => boolean, more = () => ""): Promise<void> {
  const deadline = performance.now() + WAIT_MS;
  while (!holds()) {
    if (performance.now() > deadline) throw new Error(`not within ${WAIT_MS / 1000} s: ${what} ${more()}`);
    await Bun.sleep(20);
  }
}

export function startBroker(start: Start, address: string, port: number): Program {
  return program(start(["nats-server", "-a", address, "-p", `${port}`, "--auth", TOKEN]));
}

export function startAgent(start: Start, url: string, name: string, ...flags: string[]): Program {
  return program(
    start([...SOCKBENCH, "agent", "--nats", url, "--name", name, "--cores", "1", ...flags], {
      env: { NATS_TOKEN: TOKEN },
    }),
  );
}

/** Records, and what else a test writes. */
export const scratch = mkdtempSync(`${tmpdir()}/sockbench-machines-`);
process.once("exit", () => rmSync(scratch, { recursive: true, force: true }));

/** A bench of a room over agents; `record` reads what it wrote with `--json`. */
export function startBench(
  start: Start,
  url: string,
  ...flags: string[]
): Program & { record: () => RunRecord } {
  const argv = [
    ...SOCKBENCH,
    "bench",
    "fanout",
    "--busy",
    "--json",
    "--results",
    scratch,
    "--nats",
    url,
    ...flags,
  ];
  const bench = program(start(argv, { env: { NATS_TOKEN: TOKEN } }));
  return {
    ...bench,
    record: () =>
      JSON.parse(bench.text().slice(bench.text().indexOf("{"), bench.text().lastIndexOf("}") + 1)),
  };
}

/** Listens beside the bench: resolves once fleets have told progress in the middle of its sample of this number. */
export async function watchSamples(nats: NatsConnection): Promise<(number: number) => Promise<void>> {
  let running = 0;
  const joiners = new Map<string, ReturnType<typeof createJoiner>>();
  nats.subscribe("sockbench.bench.>", {
    callback(_, { subject, data }) {
      const join = joiners.get(subject) ?? createJoiner();
      joiners.set(subject, join);
      const whole = join(data);
      const words = whole && fromAgent.safeParse(decode(whole)).data;
      if (words?.type === "fleet" && words.message.type === "progress")
        running = Math.max(running, words.run);
    },
  });
  await nats.flush();
  return (number) => until(`progress of sample ${number}`, () => running >= number);
}

export const listenAt = (host: string, port: number): Promise<NatsConnection> =>
  connect({ servers: `${host}:${port}`, token: TOKEN, maxReconnectAttempts: -1, reconnectTimeWait: 100 });
