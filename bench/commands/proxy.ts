/** `sockbench proxy`: a way to a server that is worse than loopback, by hand or as part of a test. */
import { type Command, Option } from "commander";
import { endpointForms, parseEndpoint } from "../../clients/endpoint.ts";
import { endSignals } from "../../platform/at-exit.ts";
import { exitCodes, Failure } from "../../platform/failure.ts";
import { checkFlags, type FlagRule, givenIn, onceEach } from "../../platform/flags.ts";
import { bandwidth, latency, stall } from "../../proxy/amounts.ts";
import type { Impairments } from "../../proxy/impairments.ts";
import { type ProxyCounters, startProxy } from "../../proxy/proxy.ts";
import { stopWithParent, wholeNumber } from "../../servers/standalone.ts";
import { share } from "./share.ts";

type Flags = {
  target: string;
  listen: string;
  latency?: Pick<Impairments, "latency" | "jitter">;
  bandwidth?: number;
  slice?: number;
  stall?: Impairments["stall"];
  resetAfter?: number;
  loss?: number;
  duplicate?: number;
  reorder?: number;
  only?: "up" | "down";
  seed: number;
  json?: boolean;
};

/** Which flags mean something on which way. */
const STREAMS = ["slice", "resetAfter"] as const;
const DATAGRAMS = ["loss", "duplicate", "reorder"] as const;
const rules: FlagRule[] = [
  ...STREAMS.map((flag) => ({ flag, not: DATAGRAMS, because: "one is of streams, the other of datagrams" })),
];

export function addProxyCommand(program: Command): void {
  const command = program
    .command("proxy")
    .description("stand between clients and a server: latency, bandwidth, slices, stalls, resets, loss")
    .requiredOption("--target <url>", `the server behind it: ${endpointForms}`)
    .option("--listen <address>", "where clients come to, as 127.0.0.1:9000; port 0 for any", "127.0.0.1:0")
    .option("--latency <time>", "of each direction, with jitter where given: 20ms±5ms", latency)
    .option("--bandwidth <rate>", "bytes per second of each connection and direction: 64KiB/s", bandwidth)
    .option("--stall <time/time>", "how long of which time nothing passes: 200ms/1s", stall)
    .option("--slice <bytes>", "streams: pass pieces of at most so many bytes, 1 ms apart", wholeNumber(1))
    .option("--reset-after <bytes>", "streams: reset both sides behind so many bytes", wholeNumber(1))
    .option("--loss <share>", "datagrams: lose so many", share)
    .option("--duplicate <share>", "datagrams: pass so many twice", share)
    .option("--reorder <share>", "datagrams: hold so many back behind later ones", share)
    .addOption(
      new Option("--only <direction>", "up: towards the server alone; down: back alone").choices([
        "up",
        "down",
      ]),
    )
    .option("--seed <number>", "of everything that is random", wholeNumber(0, 2 ** 31 - 1), 1)
    .option("--json", "print where it listens, and at the end what passed, as JSON")
    .action((flags: Flags, command: Command) => proxy(flags, givenIn(command)));
  onceEach(command);
}

async function proxy(flags: Flags, given: object): Promise<void> {
  const usage = (message: string) => new Failure(exitCodes.usage, message);
  const target = parseEndpoint(flags.target);
  if (!target) throw usage(`--target ${flags.target}: it takes ${endpointForms}`);
  const [, host, port] = /^(?:\w+:\/\/)?(.+):(\d{1,5})$/.exec(flags.listen) ?? [];
  if (host === undefined || Number(port) > 65_535)
    throw usage(`--listen ${flags.listen}: it takes an address and a port, as 127.0.0.1:9000`);
  checkFlags(given, rules);
  const meaningless = (target.transport === "udp" ? STREAMS : DATAGRAMS).find((flag) => flag in given);
  if (meaningless)
    throw usage(
      `--${meaningless.replace("A", "-a")} has no meaning for ${flags.target}, ${target.transport === "udp" ? "which takes datagrams" : "a stream"}`,
    );
  const { latency: late, bandwidth: bytesPerSecond, only, seed, json = false } = flags;
  const { slice, stall, resetAfter, loss = 0, duplicate = 0, reorder = 0 } = flags;
  const way = { ...late, bytesPerSecond, slice, stall, resetAfter, loss, duplicate, reorder };
  const running = await startProxy({
    host: host.replace(/^\[|\]$/g, ""),
    port: Number(port),
    target,
    ...(only === "down" ? {} : { up: way }),
    ...(only === "up" ? {} : { down: way }),
    seed,
  });
  console.log(
    json
      ? JSON.stringify({ listening: running.url, target: flags.target, pid: process.pid })
      : `${running.url} goes on to ${flags.target}`,
  );
  await new Promise<void>((resolve) => {
    for (const signal of endSignals) process.once(signal, () => resolve());
    if (json) stopWithParent(resolve);
  });
  running.stop();
  console.log(
    json ? JSON.stringify({ stopped: running.url, counters: running.counters }) : wordsOf(running.counters),
  );
  process.exit(exitCodes.ok);
}

const words: Record<keyof ProxyCounters, string> = {
  connections: "connections, or addresses that sent",
  up: "bytes towards the server",
  down: "bytes back",
  resets: "reset",
  unreachable: "not taken by the server",
  lost: "lost as asked",
  duplicated: "doubled as asked",
  reordered: "held back as asked",
  dropped: "dropped at full queues",
};

const wordsOf = (counters: ProxyCounters): string =>
  Object.entries(counters)
    .filter(([, count]) => count > 0)
    .map(([name, count]) => `${count} ${words[name as keyof ProxyCounters]}`)
    .join(", ") || "nothing passed";
