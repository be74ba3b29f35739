/**
 * A program that is started to be measured or judged: on its CPUs from its first instruction, in a session of its
 * own, watched while it should serve, and ended together with every process that it has made.
 */
import type { FileSink } from "bun";
import { pinAll, startedOn } from "../platform/affinity.ts";
import { atExit } from "../platform/at-exit.ts";
import { exitCodes, Failure } from "../platform/failure.ts";
import { type Belonging, isOver, type Process, readProcess, wholeProgram } from "../platform/process-tree.ts";
import { guard } from "./guard.ts";
import { type Output, readOutput } from "./output.ts";

/** A program's standard input; what cannot be written any more is told by its end. */
export type Console = { write: (text: string) => void; end: () => void; ended: () => boolean };

export type Started = {
  output: Output;
  /** The process that was started. */
  pid: number;
  /** All of its processes that live now; with `cpus`, pinned there once more. */
  pids: () => number[];
  /** Rejects when it ends though nobody stopped it, with its last words. */
  broken: Promise<never>;
  /** Whether the process that was started lives. */
  alive: () => boolean;
  /** Its standard input, where it was asked for: else there is none. */
  console: Console | undefined;
  /** From now on its end is its own fault; before, it could not be started. */
  serves: () => void;
  /** Ends all of its processes: politely the first, then the rest; resolves when none is left. */
  stop: () => Promise<void>;
};

/** How long the first process may take to end by SIGTERM, and then the others. */
const STOP_MS = 2000;
const REST_MS = 2000;
const POLL_MS = 20;

/** A server that cannot be had: nothing is measured or judged in its place. */
export const failedToStart = (name: string, why: string): Failure =>
  new Failure(exitCodes.unreachable, `${name} failed to start: ${why}`);

/**
 * Starts a program; `name` is how messages call it, and without `cpus` it may run on all. With `console` its standard
 * input is ours to write. `padding` is how many bytes its environment has on top of ours.
 */
export function startProgram(
  name: string,
  argv: string[],
  cpus?: readonly number[],
  options: { console?: boolean; padding?: number } = {},
): Started {
  const mark = `SOCKBENCH_PROGRAM=${crypto.randomUUID()}`;
  const child = startedOn(cpus, () => spawn(name, argv, mark, options));
  const output = readOutput(child.stdout, child.stderr);
  const since = readProcess(child.pid)?.started ?? 0;
  const whole: Belonging = { pids: [child.pid], session: child.pid, mark, since };
  const dismiss = guard(child.pid);
  const endAtExit = atExit(() => killAll(wholeProgram(whole), "SIGKILL"));
  let stopping = false;
  let serving = false;
  const broken = child.exited.then(async (code): Promise<never> => {
    if (stopping) return new Promise(() => {});
    const how = child.signalCode ? `by ${child.signalCode}` : `with code ${code}`;
    const words = await output.lastWords();
    const told = `ended ${how}${words && `: ${words}`}`;
    throw serving ? new Failure(exitCodes.wrong, `${name} ${told}`) : failedToStart(name, `it ${told}`);
  });
  broken.catch(() => {});
  return {
    output,
    pid: child.pid,
    pids() {
      const pids = wholeProgram(whole).map(({ pid }) => pid);
      if (cpus) pinAll(pids, cpus);
      return pids;
    },
    broken,
    alive: () => child.exitCode === null && child.signalCode === null,
    console: consoleOf(child.stdin),
    serves() {
      serving = true;
    },
    async stop() {
      stopping = true;
      // While the first lives, its descendants can be told by it.
      const known = wholeProgram(whole);
      child.kill("SIGTERM");
      const late = setTimeout(() => child.kill("SIGKILL"), STOP_MS);
      await child.exited;
      clearTimeout(late);
      await endAll(() => living([...known, ...wholeProgram(whole)]));
      endAtExit();
      dismiss();
    },
  };
}

function consoleOf(stdin: FileSink | undefined): Console | undefined {
  if (!stdin) return undefined;
  let ended = false;
  // A program that has ended reads no more; that it did is told by `broken`.
  const attempt = (write: () => unknown) => {
    try {
      Promise.resolve(write()).catch(() => {});
    } catch {}
  };
  return {
    write(text) {
      attempt(() => stdin.write(text));
      attempt(() => stdin.flush());
    },
    end() {
      ended = true;
      attempt(() => stdin.end());
    },
    ended: () => ended,
  };
}

function spawn(
  name: string,
  argv: string[],
  mark: string,
  { console = false, padding = 0 }: { console?: boolean; padding?: number },
) {
  const [variable, value] = mark.split("=");
  try {
    return Bun.spawn(argv, {
      stdin: console ? ("pipe" as const) : ("ignore" as const),
      stdout: "pipe",
      stderr: "pipe",
      detached: true,
      env: { ...process.env, [variable]: value, SOCKBENCH_PADDING: "x".repeat(padding) },
    });
  } catch (error) {
    throw failedToStart(name, (error as Error).message);
  }
}

/** Those of the processes that still are what they were: a pid may have been given to another one. */
const living = (known: readonly Process[]) => [
  ...new Map(
    known.flatMap((one) => {
      const now = readProcess(one.pid);
      return now && now.started === one.started && !isOver(now) ? [[now.pid, now] as const] : [];
    }),
  ).values(),
];

async function endAll(rest: () => Process[]): Promise<void> {
  for (const signal of ["SIGTERM", "SIGKILL"] as const) {
    const deadline = performance.now() + REST_MS;
    killAll(rest(), signal);
    while (performance.now() < deadline) {
      const left = rest();
      if (left.length === 0) return;
      // Those that were made meanwhile, too.
      if (signal === "SIGKILL") killAll(left, signal);
      await Bun.sleep(POLL_MS);
    }
  }
}

function killAll(processes: readonly Process[], signal: "SIGTERM" | "SIGKILL"): void {
  for (const { pid } of processes)
    try {
      process.kill(pid, signal);
    } catch {} // it has gone, or is not ours to end
}
