import { expect, test } from "bun:test";
import { parseEndpoint } from "../clients/endpoint.ts";
import { affinityOf, allowedCpus } from "../platform/affinity.ts";
import { readProcess, threadsOf, withDescendants } from "../platform/process-tree.ts";
import { refuseTaken } from "./ready.ts";
import { isPinned, listenersOf, pinRunning, runningPids, whoListens } from "./running.ts";
import { startProgram } from "./started.ts";

const onLinux = test.skipIf(process.platform !== "linux");
const onTwoCpus = test.skipIf(process.platform !== "linux" || allowedCpus().length < 2);

/** A port that no program is given: one that was free a moment ago may be taken by another test. */
const NOBODY = parseEndpoint("tcp://127.0.0.1:1")!;

/** A program that listens, and has a child that does not. */
const LISTENER = `
  const { port } = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  Bun.spawn(["sleep", "76"]);
  console.log(JSON.stringify({ listening: "tcp://127.0.0.1:" + port }));
`;

async function listener() {
  const program = startProgram("it", [process.execPath, "-e", LISTENER]);
  const target = parseEndpoint(JSON.parse(await program.output.first).listening)!;
  return { program, target };
}

onLinux("a running server is who listens, and what descends from it", async () => {
  const { program, target } = await listener();
  expect(listenersOf(target)).toHaveLength(1);
  expect(runningPids(target).sort()).toEqual(program.pids().sort());
  expect(whoListens(target)).toMatch(/^process \d+ \(bun.*\)$/);
  await program.stop();
  expect(whoListens(NOBODY)).toBe("");
});

onLinux("a server in this very process does not own what the bench starts", async () => {
  const here = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const child = Bun.spawn(["sleep", "77"]);
  expect(runningPids(parseEndpoint(`tcp://127.0.0.1:${here.port}`)!)).toEqual([process.pid]);
  child.kill();
  here.stop(true);
});

onTwoCpus("--pin-target pins every thread of every process, and gives them back what they had", async () => {
  const { program, target } = await listener();
  const threads = () => withDescendants(runningPids(target)).flatMap(threadsOf);
  const before = new Map(threads().map((thread) => [thread, affinityOf(thread)]));
  expect(before.size).toBeGreaterThanOrEqual(2);
  const cpus = allowedCpus().slice(0, 1);
  expect(isPinned(runningPids(target), cpus)).toBe(false);
  const restore = pinRunning(target, cpus);
  for (const thread of threads()) expect(affinityOf(thread)).toEqual(cpus);
  expect(isPinned(runningPids(target), cpus)).toBe(true);
  restore();
  for (const [thread, had] of before) if (readProcess(thread)) expect(affinityOf(thread)).toEqual(had);
  await program.stop();
});

onTwoCpus("a bench that is ended in the middle gives them back, too", async () => {
  const { program, target } = await listener();
  const script = `
    import { parseEndpoint } from ${JSON.stringify(`${import.meta.dir}/../clients/endpoint.ts`)};
    import { pinRunning } from ${JSON.stringify(`${import.meta.dir}/running.ts`)};
    pinRunning(parseEndpoint("${target.url}"), [${allowedCpus()[0]}]);
    console.log("pinned");
    setInterval(() => {}, 1000);
  `;
  const bench = Bun.spawn([process.execPath, "-e", script], { stdout: "pipe" });
  for await (const chunk of bench.stdout) if (chunk.length > 0) break;
  expect(isPinned(runningPids(target), allowedCpus().slice(0, 1))).toBe(true);
  bench.kill("SIGTERM");
  await bench.exited;
  for (const pid of runningPids(target)) expect(affinityOf(pid)).toEqual(allowedCpus());
  await program.stop();
});

onLinux("what cannot be pinned is told", () => {
  expect(() => pinRunning(NOBODY, [0])).toThrow(
    "--pin-target: no process that can be seen from here listens at tcp://127.0.0.1:1; start it with --exec",
  );
});

onLinux.each(["tcp", "udp"])(
  "a command is not started where something answers already (%s)",
  async (transport) => {
    const taken =
      transport === "tcp"
        ? Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } })
        : await Bun.udpSocket({ hostname: "127.0.0.1", port: 0 });
    const target = parseEndpoint(`${transport}://127.0.0.1:${taken.port}`)!;
    await expect(refuseTaken("it", target)).rejects.toMatchObject({
      exitCode: 3,
      message: expect.stringMatching(
        /^it failed to start: (tcp|udp):\/\/127.0.0.1:\d+ answered before it was started, by process \d+ \(bun.*\); /,
      ),
    });
    if ("stop" in taken) taken.stop(true);
    else taken.close();
    await refuseTaken("it", { ...target, port: NOBODY.port });
  },
);
