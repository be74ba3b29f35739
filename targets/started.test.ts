import { expect, test } from "bun:test";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { affinityOf, allowedCpus } from "../platform/affinity.ts";
import { Failure } from "../platform/failure.ts";
import { readProcess, threadsOf } from "../platform/process-tree.ts";
import { untilListening } from "./ready.ts";
import { startProgram } from "./started.ts";

const onLinux = test.skipIf(process.platform !== "linux");
const shell = (script: string, cpus?: readonly number[]) =>
  startProgram("the program", ["/bin/sh", "-c", script], cpus);
const lives = (pid: number) => !["Z", "X", undefined].includes(readProcess(pid)?.state);

onLinux(
  "a program sees from its start only the CPUs that it was given, and ours stay as they were",
  async () => {
    const before = allowedCpus();
    const [last] = before.slice(-1);
    const program = shell("nproc; sleep 60", [last]);
    expect(await program.output.first).toBe("1");
    for (const pid of program.pids()) expect(affinityOf(pid)).toEqual([last]);
    for (const thread of threadsOf(process.pid)) {
      const now = affinityOf(thread);
      if (readProcess(thread)) expect(now).toEqual(before);
    }
    await program.stop();
  },
);

onLinux("a Go server sizes itself by the CPUs that it has", async () => {
  if (!Bun.which("go")) return console.log("no go: not looked at");
  const file = join(tmpdir(), `sockbench-gomaxprocs-${process.pid}.go`);
  await Bun.write(file, 'package main\nimport "runtime"\nfunc main() { println(runtime.GOMAXPROCS(0)) }\n');
  const program = startProgram("go", ["go", "run", file], allowedCpus().slice(0, 1));
  await program.broken.catch(() => {});
  expect(await program.output.lastWords()).toBe("1");
  await program.stop();
  await Bun.file(file).delete();
});

onLinux("all of its processes are its own, and stopping it leaves none of them", async () => {
  // One child, one grandchild whose parent ends at once, one that leaves the session.
  const program = shell("sleep 71 & (sleep 72 &); (setsid sleep 73 &); echo up; wait");
  expect(await program.output.first).toBe("up");
  while (program.pids().filter((pid) => readProcess(pid)?.name === "sleep").length < 3) await Bun.sleep(5);
  const pids = program.pids();
  expect(pids).toHaveLength(4);
  await program.stop();
  expect(pids.filter(lives)).toEqual([]);
});

onLinux("what will not end by SIGTERM is ended by SIGKILL, its children too", async () => {
  const program = shell(
    "trap '' TERM; sh -c 'trap \"\" TERM; echo up; while :; do sleep 0.05; done' & wait; wait",
  );
  expect(await program.output.first).toBe("up");
  const pids = program.pids();
  await program.stop();
  expect(pids.filter(lives)).toEqual([]);
});

test("a program that ends says how, with the last words of either output, on one line that moves no cursor", async () => {
  const program = shell("echo to out; printf 'to \\033[31merr\\n\\n' >&2; exit 3");
  const error = await program.broken.catch((error: unknown) => error);
  expect(error).toBeInstanceOf(Failure);
  const { message, exitCode } = error as Failure;
  expect(exitCode).toBe(3);
  expect(message).toStartWith("the program failed to start: it ended with code 3: ");
  expect(message).toContain("to out");
  expect(message).toContain("to \\x1b[31merr");
  expect(message).not.toMatch(/[\n\x1b]/);
  await program.stop();
});

test("once it serves, its end is its own fault", async () => {
  const program = shell("sleep 0.2; kill -9 $$");
  program.serves();
  const error = await program.broken.catch((error: unknown) => error);
  expect(error).toMatchObject({ exitCode: 1, message: "the program ended by SIGKILL" });
  await program.stop();
});

test("of much output only the end is kept", async () => {
  const program = shell("yes some words | head -c 20000000; echo; echo the end");
  const { message } = (await program.broken.catch((error: unknown) => error)) as Failure;
  expect(message.length).toBeLessThan(1200);
  expect(message).toEndWith("| the end");
  await program.stop();
});

test("a child that holds the outputs open does not keep the end from being told", async () => {
  const program = shell("sleep 74 & echo gone; exit 4");
  const { message } = (await program.broken.catch((error: unknown) => error)) as Failure;
  expect(message).toBe("the program failed to start: it ended with code 4: gone");
  await program.stop();
});

test("a program that cannot be started is told in one line", () => {
  expect(() => startProgram("it", ["/nowhere/at/all"])).toThrow(/^it failed to start: /);
});

test.each([
  ["echo hello; sleep 9", 'its first line is "hello"'],
  ["printf '\\033]0;x\\n'; sleep 9", 'its first line is "\\x1b]0;x"'],
  ["exec >&-; sleep 0.1; exit 5", "the program failed to start: it ended with code 5"],
])("a first line that tells no address, of %p, is told", async (script, words) => {
  const program = shell(script);
  await expect(untilListening("the program", program)).rejects.toMatchObject({
    exitCode: 3,
    message: expect.stringContaining(words),
  });
  await program.stop();
});

const EXITS: [how: string, end: (child: Bun.Subprocess) => void][] = [
  ["SIGTERM", (child) => child.kill("SIGTERM")],
  ["SIGINT", (child) => child.kill("SIGINT")],
  ["SIGHUP", (child) => child.kill("SIGHUP")],
  ["SIGKILL", (child) => child.kill("SIGKILL")],
  ["its own end", (child) => (child.stdin as Bun.FileSink).write("end\n")],
];
onLinux.each(EXITS)(
  "a program is ended with the one that started it, when that ends by %s",
  async (_, end) => {
    const script = `
    import { startProgram } from ${JSON.stringify(`${import.meta.dir}/started.ts`)};
    const program = startProgram("it", ["/bin/sh", "-c", "trap '' TERM INT HUP; sleep 75 & echo up; wait; wait"]);
    await program.output.first;
    console.log(program.pids().join());
    for await (const _ of Bun.stdin.stream()) process.exit(0);
  `;
    const starter = Bun.spawn([process.execPath, "-e", script], { stdin: "pipe", stdout: "pipe" });
    const reader = starter.stdout.getReader();
    let text = "";
    while (!text.includes("\n")) text += Buffer.from((await reader.read()).value ?? []).toString();
    const pids = text.split(",").map(Number);
    expect(pids.filter(lives)).toHaveLength(2);
    end(starter);
    await starter.exited;
    for (let i = 0; i < 500 && pids.some(lives); i++) await Bun.sleep(10);
    expect(pids.filter(lives)).toEqual([]);
  },
);
