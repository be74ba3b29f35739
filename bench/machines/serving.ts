/**
 * The servers that an agent starts beside itself: those of its owner's targets.json, by their names. What is asked for
 * over the wire is a name of that file, and nothing of what starts it.
 */
import { type Endpoint, parseEndpoint } from "../../clients/endpoint.ts";
import { measureTime } from "../../clients/measured-time.ts";
import { exitCodes, Failure } from "../../platform/failure.ts";
import type { Used } from "../../platform/meter.ts";
import { udpDrops } from "../../platform/proc.ts";
import { findProtocol } from "../../protocols/index.ts";
import { readTargets, sourceOf } from "../../targets/file.ts";
import type { ServerSource, ServerUnderTest } from "../../targets/server.ts";

/** What the server used of its machine in the measured time of a sample, and datagrams that it did not take in time. */
export type ServerUse = { used: Used; drops: number | undefined };

export type Serving = {
  names: string[];
  /** @throws Failure where there is no such server, or it fails to start */
  start: (name: string, protocol: string, onEnd: (why: string) => void) => Promise<Endpoint>;
  /** Measures what the server uses; `start` is of this machine's monotonic clock, nanoseconds. */
  measure: (plan: { warmup: number; duration: number }, start: number) => Promise<ServerUse | undefined>;
  /** Ends it; resolves with what it says that it dropped, refused or evicted. */
  stop: () => Promise<Record<string, number>>;
};

/** @param address where the other machines reach this one */
export function createServing(file: string, address: string): Serving {
  const sources = readTargets(file).map(sourceOf);
  let server: ServerUnderTest | undefined;
  let over = false;
  /** Counts what was asked: a start that was overtaken by the next word must not leave its server running. */
  let asked = 0;
  return {
    names: sources.map(({ name }) => name),
    async start(name, protocol, onEnd) {
      const source = sources.find((one) => one.name === name);
      if (!source) throw unreachable(`there is no server "${name}" in its targets`);
      if (!findProtocol(protocol)) throw unreachable(`no protocol ${protocol}`);
      const mine = ++asked;
      await server?.stop();
      server = undefined;
      const started = await source.start(protocol, { flags: listening(source, address) });
      if (mine !== asked) {
        await started.stop();
        throw unreachable(`${name} was stopped before it stood`);
      }
      over = false;
      server = started;
      started.broken.catch((error) => onEnd(error instanceof Error ? error.message : String(error)));
      return reachable(started, address);
    },
    async measure(plan, start) {
      if (!server) return undefined;
      const ports = new Set([server.port]);
      const before = udpDrops(ports);
      const serverPids = server.pids();
      const { used } = await measureTime({ ...plan, serverPids }, 0, start, {
        done: () => 0,
        over: () => over,
      });
      const after = udpDrops(ports);
      return { used, drops: before === undefined || after === undefined ? undefined : after - before };
    },
    async stop() {
      over = true;
      asked++;
      const stopped = server;
      server = undefined;
      return (await stopped?.stop()) ?? {};
    },
  };
}

const unreachable = (message: string) => new Failure(exitCodes.unreachable, message);

/** A program of this project is told where to listen; the owner's own has it in its command. */
const listening = ({ kind }: ServerSource, address: string) =>
  kind === "program" ? ["--host", address] : [];

/** What listens at all addresses answers at that one. */
function reachable({ url }: Endpoint, address: string): Endpoint {
  const host = address.includes(":") ? `[${address}]` : address;
  return parseEndpoint(url.replace(/^(\w+:\/\/)(127\.0\.0\.1|localhost|0\.0\.0\.0)(?=:)/, `$1${host}`))!;
}
