/** Which server a case gets: one that it shares with others, one of its own, or the shared one started anew. */
import { parseEndpoint } from "../clients/endpoint.ts";
import { isThirdParty, type ServerSource, type ServerUnderTest } from "../targets/server.ts";
import type { Case } from "./case.ts";
import { serverTimes, type TimeName } from "./times.ts";
import { quotable } from "./violation.ts";

type Times = Partial<Record<TimeName, number>>;

/** The server that a case talks to. */
export type Target = ServerUnderTest & {
  /** Its times in seconds, as far as they are known. */
  readonly times: Times;
  /** Started for one case in this process: no other case meets what is left of it. */
  readonly ours?: true;
};

/** What is judged: how its servers are had, and what they are asked for. */
export type Judged = {
  source: ServerSource;
  /** The protocol, as sources know it. */
  speaks: string;
  /** The path that cases use, where it is not the one that the protocol's servers announce. */
  path?: string;
  /** It writes files: each server gets a directory of its own. */
  files?: boolean;
  /** Seconds of the server's own times; of ours those with which it is to be started. */
  times?: Times;
};

/** Whether a new server can be started for a case: else all cases share one. */
export const canStartMore = ({ kind }: ServerSource): boolean =>
  kind !== "running" && kind !== "at an address";

/** Whether what a case needs can be had: of a server that ran already nothing can be changed. */
export const canBeFresh = ({ kind }: ServerSource): boolean => kind !== "running";

/** The times that a server of ours gets for a case: short ones, unless others are given. */
const timesOf = (names: readonly TimeName[] = [], given: Times = {}): Times =>
  Object.fromEntries(names.map((name) => [name, given[name] ?? serverTimes[name].ours]));

const flagsOf = (times: Times) =>
  Object.entries(times).flatMap(([name, seconds]) => {
    const { flag } = serverTimes[name as TimeName];
    return flag ? [flag, String(seconds)] : [];
  });

type Needs = Pick<Case, "needs" | "times">;

async function startFor(one: Needs, { source, speaks, path, files, times: given }: Judged): Promise<Target> {
  const times = isThirdParty(source) ? (given ?? {}) : timesOf(one.times, given);
  const server = await source.start(speaks, {
    flags: flagsOf(times),
    console: source.kind === "at an address" || one.needs === "console",
    directory: files ?? false,
    bare: true,
    ...(path === undefined ? {} : { path }),
  });
  return {
    ...server,
    times,
    // What else uses it is not ours to say: nothing is judged by what its processes do.
    ...(source.kind === "running" ? { pids: () => [] } : {}),
    ...(source.kind === "in process" ? { ours: true } : {}),
  };
}

export type Servers = ReturnType<typeof serversOf>;

/** The servers of one worker: cases that need nothing of their own share one, for as long as it serves. */
export function serversOf(judged: Judged) {
  const { source } = judged;
  const own = canStartMore(source);
  let shared: Target | undefined;
  let gone: { why: string } | undefined;
  const special = ({ needs, times }: Needs) =>
    own && (source.kind === "in process" || needs !== undefined || times !== undefined);
  const fits = ({ needs }: Needs, { console }: Target) =>
    own || needs === undefined || (needs === "console" && console?.ended() === false);
  /** Starts the one at its address again, where it can be started. */
  async function anew(): Promise<void> {
    const old = shared;
    shared = undefined;
    try {
      await old?.stop();
      if (!canBeFresh(source)) throw new Error("");
      shared = await startFor({}, judged);
    } catch (error) {
      gone = { why: quotable(error instanceof Error ? error.message : String(error)) };
      throw error;
    }
  }
  return {
    async take(one: Needs): Promise<Target> {
      if (shared && !fits(one, shared)) await anew();
      if (shared && !special(one)) return shared;
      const target = await startFor(one, judged);
      if (!special(one)) shared = target;
      return target;
    },
    async giveBack(one: Needs, target: Target, killed: boolean): Promise<void> {
      const usable = !killed && target.alive();
      if (special(one)) await target.stop();
      else if (!usable && own) {
        shared = undefined;
        await target.stop();
      } else if (!usable) await anew().catch(() => {});
    },
    /** A server that ran already, or cannot be started again, has ended. */
    gone: () => gone,
    stop: async () => void (await shared?.stop()),
  };
}

/** No server at all: what is looked at is the platform. */
export function platformItself(): Judged {
  const server: ServerUnderTest = {
    ...parseEndpoint("tcp://127.0.0.1:1")!,
    pids: () => [],
    pinned: false,
    broken: new Promise(() => {}),
    alive: () => true,
    lastWords: async () => undefined,
    restarts: () => 0,
    pause() {},
    resume() {},
    stop: async () => ({}),
  };
  return { source: { name: "the platform", kind: "program", start: async () => server }, speaks: "" };
}
