/** Server programs as processes, for the tests of the programs themselves: ours, and their peers. */
import { readOutput } from "../targets/output.ts";

/** No wait in a test is longer: what has not come by then does not come. */
export const WAIT_MS = 10_000;

export type Program = Awaited<ReturnType<typeof startListening>>;

export type ProgramOptions = {
  /** A module that runs before the program, and the variables that it reads. */
  preload?: { file: string; env: Record<string, string> };
  /** Most files that it may have open. */
  openFiles?: number;
};

/** Starts one of ours with `--port 0 --json` and reads its first line. End it with `stop`. */
export function startProgram(
  file: string,
  flags: string[] = [],
  { preload, openFiles }: ProgramOptions = {},
) {
  const command = [
    ...(openFiles === undefined ? [] : ["sh", "-c", 'ulimit -n "$0" && exec "$@"', String(openFiles)]),
    process.execPath,
    ...(preload ? ["--preload", preload.file] : []),
    `${import.meta.dir}/${file}`,
  ];
  return startListening([...command, "--port", "0", "--json", ...flags], preload?.env);
}

/** Starts a program that says in a JSON line where it listens; its standard error is left to be read. */
export async function startListening(command: readonly string[], env: Record<string, string> = {}) {
  const child = spawnProgram(command, env);
  const output = readOutput(child.stdout);
  const late = setTimeout(() => child.kill("SIGKILL"), WAIT_MS);
  const first = await output.first.finally(() => clearTimeout(late));
  const stop = async (signal: NodeJS.Signals = "SIGTERM") => {
    child.kill(signal);
    return child.exited;
  };
  try {
    const announced: { listening: string; protocol: string; pid: number } = JSON.parse(first);
    return { ...announced, announced, child, last: output.last, stop };
  } catch {
    await stop("SIGKILL");
    throw new Error(`${command.join(" ")} did not say where it listens, but ${JSON.stringify(first)}`);
  }
}

export const spawnProgram = (command: readonly string[], env: Record<string, string> = {}) =>
  Bun.spawn([...command], {
    env: { ...process.env, ...env },
    stdin: "pipe",
    stdout: "pipe",
    stderr: "pipe",
  });

/** Runs one of ours to its end: a wrong flag, a port in use. */
export const runProgram = (file: string, flags: string[]) =>
  runToEnd([process.execPath, `${import.meta.dir}/${file}`, ...flags]);

export async function runToEnd(command: readonly string[]) {
  const child = spawnProgram(command);
  child.stdin.end();
  const late = setTimeout(() => child.kill("SIGKILL"), WAIT_MS);
  const [stdout, stderr, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  clearTimeout(late);
  return { code, stdout, stderr };
}
