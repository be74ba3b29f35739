/**
 * As a dependency: the package that is published, packed here and laid out in another project's node_modules as npm
 * does, without a network. There run its program and library, and a strict compiler takes its types.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { recordSchema } from "../bench/record/record.ts";
import { dependencies, exports, name, version } from "../package.json";

const BOUND_MS = 60_000;
const HOME = join(import.meta.dir, "..");
const project = mkdtempSync(`${tmpdir()}/sockbench-dependency-`);
const modules = `${project}/node_modules`;
const installed = `${modules}/${name}`;
afterAll(() => rmSync(project, { recursive: true, force: true }));

function run(argv: readonly string[], cwd = project) {
  const { exitCode, stdout, stderr } = Bun.spawnSync([...argv], {
    ...{ cwd, stdin: "ignore", timeout: BOUND_MS, killSignal: "SIGKILL" },
    // npm and npx put the programs of the dependencies first.
    env: { ...process.env, PATH: `${modules}/.bin:${process.env.PATH}` },
  });
  return { code: exitCode, stdout: stdout.toString(), stderr: stderr.toString() };
}
const sockbench = (...args: string[]) => run([`${modules}/.bin/sockbench`, ...args]);

beforeAll(() => {
  const packed = run([process.execPath, "pm", "pack", "--destination", project], HOME);
  expect([packed.code, packed.stderr]).toEqual([0, expect.not.stringContaining("error")]);
  mkdirSync(installed, { recursive: true });
  const archive = `${project}/${name}-${version}.tgz`;
  expect(run(["tar", "-xzf", archive, "-C", installed, "--strip-components", "1"]).code).toBe(0);
  // Those that its dependencies need stand beside them, too.
  for (const other of readdirSync(`${HOME}/node_modules`).filter(
    (one) => !one.startsWith(".") && one !== name,
  ))
    symlinkSync(join(HOME, "node_modules", other), `${modules}/${other}`);
  mkdirSync(`${modules}/.bin`);
  symlinkSync(`${installed}/bench/sockbench.ts`, `${modules}/.bin/sockbench`);
  symlinkSync(process.execPath, `${modules}/.bin/bun`);
}, BOUND_MS);

test.each(Object.entries(exports))(
  "its export %s has a module and declarations",
  (_, { types, default: module }) => {
    for (const file of [types, module]) expect(existsSync(join(installed, file)), file).toBe(true);
  },
);

test("nothing is in it that only our own tests need", () => {
  expect([...new Bun.Glob("**/*").scanSync(installed)].filter((file) => /test/i.test(file))).toEqual([]);
  for (const dependency of Object.keys(dependencies))
    expect(existsSync(`${modules}/${dependency}`)).toBe(true);
});

test(
  "bench writes its record into the project's own results/",
  async () => {
    const wanted = "--quick --connections 5 --duration 0.3 --warmup 0.1 --samples 1 --max-samples 1 --busy";
    const { code, stderr } = sockbench("bench", "fanout", "--protocol", "chat/bracket", ...wanted.split(" "));
    // A busy machine may leave no valid sample: that is told by 4.
    expect([0, 4]).toContain(code);
    expect(stderr).not.toContain("error");
    const [file] = readdirSync(`${project}/results`);
    const { samples, environment } = recordSchema.parse(await Bun.file(`${project}/results/${file}`).json());
    expect(samples.length).toBeGreaterThan(0);
    for (const { counts, wrong } of samples) {
      expect(wrong).toEqual([]);
      expect(counts.delivered).toBe(counts.expected);
    }
    // What is checked out around it is another project's.
    expect(environment.git).toBeNull();
    expect(existsSync(`${installed}/results/${file}`)).toBe(false);
  },
  BOUND_MS,
);

test("conform judges, aa finds its stored rounds, known its servers", () => {
  expect(sockbench("conform", "echo/1")).toMatchObject({ code: 0, stderr: "" });
  expect(sockbench("aa", "--trials", "1").stdout).toContain("1 comparisons of each kind");
  expect(sockbench("known", "nothing")).toMatchObject({ code: 2, stdout: "" });
});

/** Every export, each with a type; what they do not allow must not pass. */
const USE = `
import { bench, compare, compareServers, conform, Failure, metrics, metricTable, readRecord, writeRecord } from "sockbench";
import type { BenchRequest, Comparison, ConformOptions, ConformReport, Metric, RunRecord, Sample } from "sockbench";

const request: BenchRequest = { target: "tcp://127.0.0.1:8080", connections: 10 };
const options: ConformOptions = { choice: ["echo"] };

export async function use(): Promise<Comparison> {
  const record: RunRecord = await bench("fanout", request);
  const [sample]: Sample[] = record.samples;
  const lost: number | undefined = sample?.counts["lost"];
  const report: ConformReport = await conform(options);
  const passed: number = report.counts.pass;
  const all: Metric[] = [...metricTable([...metrics.values()]).values()];
  await writeRecord(record, "results");
  if (!lost || !passed || all.length === 0) throw new Failure(1, "wrong");
  return compare(record, await readRecord("results/a.json"));
}

// @ts-expect-error a number is no address
bench("fanout", { target: 8080 });
// @ts-expect-error there is no such count
conform().then(({ counts }) => counts.passed);
// @ts-expect-error two names are needed
compareServers({} as RunRecord);
`;

const STRICT = {
  strict: true,
  noEmit: true,
  target: "ESNext",
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  noPropertyAccessFromIndexSignature: true,
  skipLibCheck: false,
  types: [],
};

test.each(["NodeNext", "Preserve"])(
  "a strict compiler takes its declarations, with no types of Bun's, and modules of kind %s",
  (module) => {
    writeFileSync(`${project}/use.mts`, USE);
    const config = `${project}/tsconfig.${module}.json`;
    writeFileSync(config, JSON.stringify({ compilerOptions: { ...STRICT, module }, files: ["use.mts"] }));
    expect(run([join(HOME, "node_modules/.bin/tsc"), "-p", config])).toMatchObject({ code: 0, stdout: "" });
  },
  BOUND_MS,
);

test("a protocol in a file compiles, with no types but the package's", () => {
  const config = `${project}/tsconfig.protocol.json`;
  const options = { ...STRICT, skipLibCheck: true, module: "Preserve", types: [] };
  symlinkSync(`${installed}/examples/length-json.ts`, `${project}/mine.ts`);
  writeFileSync(
    config,
    JSON.stringify({ compilerOptions: { ...options, preserveSymlinks: true }, files: ["mine.ts"] }),
  );
  expect(run([join(HOME, "node_modules/.bin/tsc"), "-p", config])).toMatchObject({ code: 0, stdout: "" });
}, 60_000);

/** As examples/room.test.ts, in few lines. */
const SUITE = `
import { expect, test } from "bun:test";
import { bench, conform } from "sockbench";
test("bench", async () => {
  const { samples } = await bench("sum", { protocol: "sum/tcp", connections: 2, loop: "closed", duration: 0.2, warmup: 0.1, maxSamples: 1 });
  expect(samples[0].wrong).toEqual([]);
  expect(samples[0].counts.replies).toBeGreaterThan(0);
}, 30_000);
test("conform", async () => {
  const { counts } = await conform({ choice: ["echo/1"] });
  expect([counts.fail, counts.pass > 0]).toEqual([0, true]);
}, 30_000);
`;

test(
  "the library runs in a test suite of the project",
  () => {
    writeFileSync(`${project}/mine.test.ts`, SUITE);
    const { code, stderr } = run(["bun", "test", "./mine.test.ts"]);
    expect(stderr).toContain(" 2 pass\n");
    expect(code).toBe(0);
  },
  BOUND_MS,
);
