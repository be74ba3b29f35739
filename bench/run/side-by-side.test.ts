/** Servers of a user's own, by the command line: interleaved in one run with one comparison, or told why not. */
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { allowedCpus } from "../../platform/affinity.ts";
import { command } from "../../targets/commands.ts";
import { recordSchema } from "../record/record.ts";

const TIMEOUT_MS = 60_000;
const folder = mkdtempSync(`${tmpdir()}/sockbench side-`);
afterAll(() => rmSync(folder, { recursive: true }));
const bun = process.execPath;

/** A server of sums, as somebody else may have written it. */
const sums = (name: string) => {
  writeFileSync(
    `${folder}/${name}.ts`,
    `Bun.listen<{ text: string }>({ hostname: "127.0.0.1", port: Number(process.argv[2]), socket: {
      open(socket) { socket.data = { text: "" }; },
      data(socket, bytes) {
        const parts = (socket.data.text + bytes).split("}");
        socket.data.text = parts.pop()!;
        for (const part of parts) {
          const [a, b] = part.match(/-?\\d+/g)!.map(BigInt);
          socket.write('{"Sum":' + (a + b) + "}\\n");
        }
      },
    } });`,
  );
  return `cd '${folder}' && '${bun}' ./${name}.ts {port}`;
};

async function bench(...args: string[]) {
  const child = Bun.spawn(
    [bun, `${import.meta.dir}/../sockbench.ts`, "bench", ...args, "--busy", "--results", folder],
    { stdin: "ignore", stdout: "pipe", stderr: "pipe", cwd: folder },
  );
  const [stdout, stderr, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { stdout, stderr, code };
}

const short = [
  ..."sum --protocol sum/tcp --loop closed --connections 4 --window 4 --duration 0.2 --warmup 0.1".split(" "),
  ..."--samples 2 --max-samples 2 --fleets 1".split(" "),
];

test(
  "two commands and one of ours: each in its turn, each by its name, a fresh port and process in each round",
  async () => {
    const mine = `mine=${sums("mine")}`;
    const theirs = `theirs=${sums("theirs")}`;
    const { stdout, code } = await bench(
      ...short,
      "--server",
      mine,
      "--server",
      theirs,
      "--server",
      "bun",
      "--json",
    );
    // On a machine that is busy with other things a sample may not count.
    expect([0, 4]).toContain(code);
    const { samples, environment } = recordSchema.parse(JSON.parse(stdout));
    expect(samples.map(({ server }) => server)).toEqual(["mine", "theirs", "bun", "mine", "theirs", "bun"]);
    expect(samples.flatMap(({ wrong }) => wrong)).toEqual([]);
    for (const { counts } of samples) expect(counts.replies).toBeGreaterThan(0);
    const ports = samples.map(({ target }) => target);
    expect(new Set(ports).size).toBe(6);
    if (environment.pinned) expect(samples.map(({ pinned }) => pinned)).toEqual(Array(6).fill(true));
  },
  TIMEOUT_MS,
);

test(
  "their tables have the names, and each is compared with the first",
  async () => {
    const { stdout } = await bench(
      ...short,
      "--server",
      `mine=${sums("mine")}`,
      "--server",
      `theirs=${sums("theirs")}`,
    );
    expect(stdout).toMatch(/^mine \S+ → theirs \S+$/m);
    expect(stdout).toMatch(/sum\/tcp [\s\S]*theirs /);
    expect(stdout).not.toContain("target");
  },
  TIMEOUT_MS,
);

test.skipIf(allowedCpus().length < 2)(
  "beside one that runs, which stays on its CPUs: the record says whose figures that concerns",
  async () => {
    const source = command("it", sums("mine"));
    const server = await source.start("sum/tcp");
    const args = [...short, "--server", `there=${server.url}`, "--server", "bun"];
    const { samples, environment } = recordSchema.parse(JSON.parse((await bench(...args, "--json")).stdout));
    expect(environment.pinned?.server).not.toEqual([]);
    expect(samples.map(({ server, pinned }) => `${server} ${pinned}`)).toEqual([
      "there false",
      "bun true",
      "there false",
      "bun true",
    ]);
    const { stdout } = await bench(...args);
    expect(stdout).toContain("servers and fleets pinned apart, but there left as it was");
    expect(stdout).toContain("there was left on the CPUs where it ran");
    await server.stop();
  },
  TIMEOUT_MS,
);

const failing = "bad=echo 'no such thing' >&2; exit 7 # {port}";

test(
  "one that fails to start ends the run with code 3, and what it wrote",
  async () => {
    const { code, stdout, stderr } = await bench(...short, "--server", failing, "--server", "bun");
    expect([code, stdout]).toEqual([3, ""]);
    expect(stderr).toMatch(
      /^error: sum .*--server bad failed to start: it ended with code 7: no such thing \(--skip-missing goes on without it\)$/m,
    );
  },
  TIMEOUT_MS,
);

test(
  "with --skip-missing the others are measured, and that it was skipped is said",
  async () => {
    const { code, stdout } = await bench(...short, "--server", failing, "--server", "bun", "--skip-missing");
    expect(code).toBe(4);
    expect(stdout).toMatch(/WARNING sum .* bad was skipped: --server bad failed to start: .*no such thing/);
    expect(stdout).toMatch(/sum\/tcp/);
  },
  TIMEOUT_MS,
);

test.each([
  [["--server", "a=tcp://127.0.0.1:1", "--server", "b=udp://127.0.0.1:1"], "they cannot be compared"],
  [["--server", "mine=./a {port}", "--server", "mine=./b {port}"], "mine is named twice"],
  [["--server", "a=./a {port}", "--exec", "./b"], "--exec and --server do not go together"],
  [["--server", "a=./a {port}", "--target", "tcp://127.0.0.1:1"], "--target and --server do not go together"],
  [["--server", "a=./a {port}", "--pin-target"], "--pin-target needs --target"],
  [["--skip-missing", "--exec", "./b"], "--skip-missing and --exec do not go together"],
  [["--server", "reference=./a {port}"], "reference"],
])("%j is a usage error", async (args, words) => {
  const { code, stdout, stderr } = await bench("sum", ...args);
  expect([code, stdout]).toEqual([2, ""]);
  expect(stderr).toContain(words);
});
