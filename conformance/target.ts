/**
 * Targets: servers to be judged. A provider hands them out, one for each worker or case: started here as a
 * process, started in this process, or already running somewhere.
 */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import { dial } from "../clients/dial.ts";
import {
  type Endpoint as Address,
  endpointForms,
  parseEndpoint,
  type TlsTrust,
} from "../clients/endpoint.ts";
import { connectReason } from "../clients/members.ts";
import { exitCodes, Failure } from "../platform/failure.ts";
import type { ServerOptions, ServerSpec } from "../servers/standalone.ts";
import type { Case } from "./case.ts";
import { sleep } from "./peer.ts";
import { serverTimes, type TimeName } from "./times.ts";
import { quotable } from "./violation.ts";

/** How long a started server may take until it answers. */
const START_MS = 10_000;
const MAX_LINE_CHARACTERS = 65_536;

export type Target = Address & {
  /** The server's times in seconds, as far as they are known. */
  readonly times: Partial<Record<TimeName, number>>;
  /** Writes to the server's standard input, or closes it; absent when it is not ours. */
  readonly console?: { write: (text: string) => void; end: () => void };
  readonly pid?: number;
  /** Its processes now, where there are or may be several. */
  readonly pids?: () => readonly number[];
  /** How it ended and what it wrote before, in words; undefined while it lives. */
  readonly lastWords?: () => string | undefined;
  /** Where a file server puts its files. */
  readonly directory?: string;
  /** Started for one case in this process: no other case meets what is left of it. */
  readonly ours?: true;
  readonly alive: () => boolean;
  readonly stop: () => Promise<void>;
};

export type Provider = {
  /** Whether a new server can be started for a case: else all cases share one. */
  readonly own: boolean;
  /** Whether a start costs so little that each case gets a server of its own. */
  readonly cheap: boolean;
  /** Starts a shared server anew that serves nobody any more, or for a case that needs that; rejects with why not. */
  readonly restart?: () => Promise<void>;
  /** Whether what a case needs of a shared server is there without a restart. */
  readonly fits?: (needs: NonNullable<Case["needs"]>) => boolean;
  readonly start: (options: { times?: readonly TimeName[]; console?: boolean }) => Promise<Target>;
  /** Ends what the provider itself has started. */
  readonly stop?: () => Promise<void>;
};

/** Reads the address of a target; a usage error when it is none. */
export function parseUrl(text: string, trust?: TlsTrust): Address {
  const address = parseEndpoint(text);
  if (address) return trust ? { ...address, trust } : address;
  throw new Failure(exitCodes.usage, `--target ${text} is no address: write ${endpointForms}`);
}

const withPath = (url: string, path?: string) =>
  path ? url.replace(/^(ws:\/\/[^/]+).*$/, `$1${path}`) : url;

/** A server that runs already: nothing about it can be changed, and all cases share it. */
export function runningTarget(address: Address, times: Target["times"] = {}): Provider {
  return {
    own: false,
    cheap: false,
    start: async () => ({ ...address, times, alive: () => true, stop: async () => {} }),
  };
}

/** What a protocol or a run asks for beside the command: another path, a directory for files, other times. */
export type Adjustments = { path?: string; files?: boolean; times?: Target["times"] };

/** The times that a server of ours gets for a case: short ones, unless others are given. */
const timesOf = (names: readonly TimeName[] = [], given: Target["times"] = {}): Target["times"] =>
  Object.fromEntries(names.map((name) => [name, given[name] ?? serverTimes[name].ours]));

const flagsOf = (times: Target["times"]) =>
  Object.entries(times).flatMap(([name, seconds]) => {
    const { flag } = serverTimes[name as TimeName];
    return flag ? [flag, String(seconds)] : [];
  });

const temporaryDirectory = () => mkdtemp(join(tmpdir(), "sockbench-conform-"));

/**
 * A program that takes `--port 0 --json` and says on its first line where it listens, as ours do: each start
 * is a process, ended by its id.
 */
export function processProvider(
  command: readonly string[],
  { path, files, times: given }: Adjustments = {},
): Provider {
  return {
    own: true,
    cheap: false,
    async start({ times: names, console: wantsConsole }) {
      const times = timesOf(names, given);
      const directory = files ? await temporaryDirectory() : undefined;
      const dir = directory ? ["--dir", directory] : [];
      const child = Bun.spawn([...command, "--port", "0", "--json", ...flagsOf(times), ...dir], {
        stdin: wantsConsole ? "pipe" : "ignore",
        stdout: "pipe",
        stderr: "ignore",
      });
      const url = await firstUrl(child.stdout, command.join(" "));
      return {
        ...parseUrl(withPath(url, path)),
        times,
        pid: child.pid,
        ...(directory ? { directory } : {}),
        ...(child.stdin
          ? {
              console: {
                write: (text: string) => void child.stdin?.write(text),
                end: () => void child.stdin?.end(),
              },
            }
          : {}),
        alive: () => child.exitCode === null && child.signalCode === null,
        async stop() {
          child.kill("SIGKILL");
          await child.exited;
          if (directory) await rm(directory, { recursive: true });
        },
      };
    },
  };
}

async function firstUrl(output: ReadableStream<Uint8Array>, command: string): Promise<string> {
  const reader = output.getReader();
  let text = "";
  const deadline = sleep(START_MS).then(() => ({ done: true, value: undefined }));
  while (!text.includes("\n") && text.length < MAX_LINE_CHARACTERS) {
    const { done, value } = await Promise.race([reader.read(), deadline]);
    if (done || !value) throw new Failure(exitCodes.unreachable, `${command} did not say where it listens`);
    text += Buffer.from(value).toString();
  }
  reader.releaseLock();
  try {
    const line: unknown = JSON.parse(text.split("\n", 1)[0]);
    if (typeof line === "object" && line !== null && "listening" in line) return String(line.listening);
  } catch {}
  throw new Failure(
    exitCodes.unreachable,
    `${command} did not say where it listens, but: ${quotable(text.trim())}`,
  );
}

/** A server in this process: for tests, where a start must cost nothing. */
export function inProcessProvider(
  spec: ServerSpec,
  flags: readonly string[],
  { path, files, times: given }: Adjustments = {},
): Provider {
  return {
    own: true,
    cheap: true,
    async start({ times: names }) {
      const times = timesOf(names, given);
      const program = new Command().option("--port <n>", "", Number, 0).option("--host <a>", "", "127.0.0.1");
      spec.options?.(program);
      const directory = files ? await temporaryDirectory() : undefined;
      const dir = directory ? ["--dir", directory] : [];
      program.parse([...flags, ...flagsOf(times), ...dir], { from: "user" });
      const running = await spec.start(program.opts<ServerOptions>());
      return {
        ...parseUrl(withPath(running.url, path)),
        times,
        ...(directory ? { directory } : {}),
        ours: true,
        alive: () => true,
        async stop() {
          await running.stop();
          if (directory) await rm(directory, { recursive: true });
        },
      };
    },
  };
}

/** No server at all: what is looked at is the platform. */
export function platformItself(): Provider {
  return { ...runningTarget(parseUrl("tcp://127.0.0.1:1")), own: true };
}

/** Why nobody can be talked to there; of a UDP server that cannot be told, so it is given a moment. */
export async function whyUnreachable(address: Address): Promise<string | undefined> {
  if (address.transport === "udp") {
    await sleep(500);
    return undefined;
  }
  try {
    const socket = await dial(address, { data() {} });
    // By FIN: a server that cannot bear a reset is to hear of it from the case that is about resets.
    socket.end();
    return undefined;
  } catch (error) {
    return connectReason(address, error);
  }
}
