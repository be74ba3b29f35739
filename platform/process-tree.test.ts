import { afterAll, describe, expect, test } from "bun:test";
import { everyProcess, readProcess, wholeProgram, withDescendants } from "./process-tree.ts";
import { cpuBetween, readTree, type TreeReading, treeMemory } from "./tree-usage.ts";

const onLinux = test.skipIf(process.platform !== "linux");
const children: { kill: (signal: "SIGKILL") => void }[] = [];
afterAll(() => {
  for (const child of children) child.kill("SIGKILL");
});

/** A shell in a session of its own; `say` is its next line. */
async function shell(script: string, env: Record<string, string> = {}) {
  const child = Bun.spawn(["/bin/sh", "-c", script], {
    stdin: "pipe",
    stdout: "pipe",
    detached: true,
    env: { ...process.env, ...env },
  });
  children.push(child);
  const reader = child.stdout.getReader();
  let text = "";
  const say = async () => {
    // A read may also give nothing (Bun 1.4.5).
    while (!text.includes("\n")) text += Buffer.from((await reader.read()).value ?? []).toString();
    const [line] = text.split("\n", 1);
    text = text.slice(line.length + 1);
    return line;
  };
  return { child, say, tell: (line: string) => child.stdin.write(`${line}\n`) };
}

onLinux("a process is read, whatever its name", () => {
  const self = readProcess(process.pid)!;
  expect(self).toMatchObject({ pid: process.pid, parent: process.ppid });
  expect(self.name).toStartWith("bun");
  expect(everyProcess().map(({ pid }) => pid)).toContain(process.pid);
  expect(readProcess(2 ** 30)).toBeUndefined();
});

onLinux("descendants are found, but not below those that are left out", async () => {
  const { child, say } = await shell("sleep 60 & echo $!; wait");
  const sleeper = Number(await say());
  expect(withDescendants([child.pid]).sort()).toEqual([child.pid, sleeper].sort());
  expect(withDescendants([process.pid])).toContain(sleeper);
  expect(withDescendants([process.pid], [process.pid])).toEqual([process.pid]);
  expect(withDescendants([process.ppid], [process.pid])).not.toContain(sleeper);
  process.kill(sleeper);
});

onLinux("what has lost its parent is found by the session, what has left that too by its mark", async () => {
  const mark = { SOCKBENCH_TEST: crypto.randomUUID() };
  const { child, say } = await shell("(sleep 61 & echo $!); (setsid sleep 62 & echo $!); read line", mark);
  const orphan = Number(await say());
  const stranger = Number(await say());
  const found = (mark?: string) =>
    wholeProgram({ pids: [child.pid], session: child.pid, ...(mark ? { mark } : {}) }).map(({ pid }) => pid);
  // Until both are what they are to be, the one in a session of its own.
  while ([orphan, stranger].some((pid) => readProcess(pid)?.name !== "sleep")) await Bun.sleep(5);
  expect(found()).toContain(orphan);
  expect(found()).not.toContain(stranger);
  expect(found(`SOCKBENCH_TEST=${mark.SOCKBENCH_TEST}`).sort()).toEqual([child.pid, orphan, stranger].sort());
  for (const pid of [orphan, stranger]) process.kill(pid);
});

const WORK = "i=0; while [ $i -lt 60000 ]; do i=$((i+1)); done";

onLinux(
  "a worker that came and went between two readings has its CPU time counted by the parent that waited",
  async () => {
    const { child, say, tell } = await shell(`echo ready; read line; sh -c '${WORK}'; echo done; read line`);
    await say();
    const start = readTree([child.pid]);
    tell("go");
    await say();
    const used = cpuBetween(start, readTree([child.pid]));
    expect(used).toHaveProperty("cpu");
    // The shell itself does next to nothing, the worker some dozens of milliseconds; the grain is 10.
    expect("cpu" in used && used.cpu).toBeGreaterThan(2e7);
    child.kill("SIGKILL");
  },
);

onLinux("a worker that ends is not counted twice", async () => {
  const { child, say, tell } = await shell(
    `sh -c '${WORK}; echo worked; read line <&3; ${WORK}' 3<&0 & wait; echo done; read line`,
  );
  await say();
  const start = readTree([child.pid]);
  expect(start.processes.size).toBe(2);
  const before = [...start.processes.values()].reduce((sum, { cpu }) => sum + cpu, 0);
  tell("go");
  await say();
  const end = readTree([child.pid]);
  expect(end.processes.size).toBe(1);
  const used = cpuBetween(start, end);
  const all = [...end.processes.values()].reduce((sum, { cpu, reaped }) => sum + cpu + reaped, 0);
  // Twice the same work: what is told is about the second half, far from the whole.
  expect("cpu" in used && used.cpu).toBeGreaterThan(0);
  expect("cpu" in used && used.cpu).toBeLessThanOrEqual(all - before + 4e7);
  child.kill("SIGKILL");
});

describe("CPU time is unknown, with a word why,", () => {
  /** Of processes with pids that no kernel gives. */
  const reading = (
    ...processes: [pid: number, parent: number, cpu: number, reaped?: number][]
  ): TreeReading => ({
    processes: new Map(
      processes.map(([pid, parent, cpu, reaped = 0]) => [
        pid + 2 ** 30,
        { parent: parent + 2 ** 30, cpu, reaped },
      ]),
    ),
    threads: new Map(),
  });
  const S = 1e9;

  test("when the process cannot be seen", () => {
    expect(cpuBetween(readTree([]), readTree([]))).toEqual({
      unknown: expect.stringContaining("cannot be seen"),
    });
  });

  test("when the process used none at all: it is another one that serves", () => {
    expect(cpuBetween(reading([7, 1, S]), reading([7, 1, S]))).toEqual({
      unknown: expect.stringContaining("another one does the work"),
    });
  });

  test("when one ended for which nobody waited", () => {
    const start = reading([7, 1, S], [8, 7, S]);
    expect(cpuBetween(start, reading([7, 1, 2 * S]))).toHaveProperty("unknown");
    expect(cpuBetween(start, reading([7, 1, 2 * S, 3 * S]))).toEqual({ cpu: 3 * S });
  });

  test("when the heir ended too, and its own parent waited for it, it is known", () => {
    const start = reading([7, 1, S], [8, 7, S], [9, 8, S]);
    expect(cpuBetween(start, reading([7, 1, S, 5 * S]))).toEqual({ cpu: 3 * S });
  });

  // A shell cannot ignore SIGCHLD for itself; Python can.
  test.skipIf(!Bun.which("python3"))("when a parent ignores its children's end", async () => {
    const { child, say, tell } = await shell(
      `exec python3 -c '
import os, signal, sys
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
print("ready", flush=True)
sys.stdin.readline()
if os.fork() == 0:
    sys.stdin.readline(); os._exit(0)
print("forked", flush=True)
sys.stdin.readline()
'`,
    );
    await say();
    const start = readTree([child.pid]);
    tell("fork");
    await say();
    expect(cpuBetween(start, readTree([child.pid]))).toHaveProperty("unknown");
    child.kill("SIGKILL");
  });
});

onLinux("memory is the sum of all", async () => {
  const { child, say } = await shell("sleep 63 & echo $!; wait");
  const sleeper = Number(await say());
  const alone = treeMemory([child.pid])!.now;
  const both = treeMemory(withDescendants([child.pid]))!;
  expect(both.now).toBeGreaterThan(alone);
  expect(both.peak).toBeGreaterThanOrEqual(both.now);
  expect(treeMemory([2 ** 30])).toBeUndefined();
  process.kill(sleeper);
});
