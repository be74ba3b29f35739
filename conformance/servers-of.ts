/** Which server a case gets: one that it shares with others, one of its own, or the shared one after a restart. */
import { parseEndpoint } from "../clients/endpoint.ts";
import { isThirdParty, type ServerSource, type ServerUnderTest, unseen } from "../targets/server.ts";
import type { Case } from "./case.ts";
import { serverTimes, type TimeName } from "./times.ts";
import { quotable } from "./violation.ts";

type Times = Partial<Record<TimeName, number>>;

/** The server that a case talks to. */
export type Target = ServerUnderTest & {
  /** Its timeouts in seconds, as far as they are known. */
  readonly times: Times;
  /** Started for one case in this process: what is left of it cannot disturb another case. */
  readonly ours?: true;
};

/** What is judged: where its servers come from, and how cases use them. */
export type Judged = {
  source: ServerSource;
  /** The protocol, as sources know it. */
  speaks: string;
  /** The path that cases use, where it differs from the one that the protocol's servers announce. */
  path?: string;
  /** It writes files: each server gets a directory of its own. */
  files?: boolean;
  /** The server's timeouts in seconds; ours are started with them. */
  times?: Times;
};

/** Whether a new server can be started for a case: else all cases share one. */
export const canStartMore = ({ kind }: ServerSource): boolean =>
  kind !== "running" && kind !== "at an address";

/** Whether a server can be started as a case needs it: one that was already running cannot be changed. */
export const canBeFresh = ({ kind }: ServerSource): boolean => kind !== "running";

/** The timeouts with which a server of ours is started for a case: short ones, unless others are given. */
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
    // Others may be using it: nothing is judged by what its processes do.
    ...(source.kind === "running" ? { pids: () => [] } : {}),
    ...(source.kind === "in process" ? { ours: true } : {}),
  };
}

export type Servers = ReturnType<typeof serversOf>;

/** The servers of one worker: cases without special needs share one, as long as it serves. */
export function serversOf(judged: Judged) {
  const { source } = judged;
  const own = canStartMore(source);
  let shared: Target | undefined;
  let gone: { why: string } | undefined;
  const special = ({ needs, times }: Needs) =>
    own && (source.kind === "in process" || needs !== undefined || times !== undefined);
  const fits = ({ needs }: Needs, { console }: Target) =>
    own || needs === undefined || (needs === "console" && console?.ended() === false);
  /** Restarts the one at its address, where it can be started. */
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
    /** Set when a server that cannot be restarted has stopped serving. */
    gone: () => gone,
    stop: async () => void (await shared?.stop()),
  };
}

/** No server at all: the platform itself is examined. */
export function platformItself(): Judged {
  const server: ServerUnderTest = {
    ...parseEndpoint("tcp://127.0.0.1:1")!,
    ...unseen(),
    pause() {},
    resume() {},
    stop: async () => ({}),
  };
  return { source: { name: "the platform", kind: "program", start: async () => server }, speaks: "" };
}
