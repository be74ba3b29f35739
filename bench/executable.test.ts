/** The one executable: built once, and run in an empty folder, where no program can be found by its name. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { exports, name, version } from "../package.json";
import { PART } from "../platform/own.ts";
import { startListening } from "../servers/testing-programs.ts";
import { modules, parts } from "./parts.ts";
import { type RunRecord, recordSchema } from "./record/record.ts";

const BOUND_MS = 60_000;
const HOME = join(import.meta.dir, "..");
const folder = mkdtempSync(`${tmpdir()}/sockbench-executable-`);
const program = `${folder}/sockbench`;
const here = `${folder}/here`;
const env = { PATH: `${folder}/no-programs` };

function run(argv: readonly string[], cwd: string, variables: Record<string, string>) {
  const { exitCode, stdout, stderr } = Bun.spawnSync([...argv], {
    ...{ cwd, env: variables, stdin: "ignore", timeout: BOUND_MS, killSignal: "SIGKILL" },
  });
  return { code: exitCode, stdout: stdout.toString(), stderr: stderr.toString() };
}
const sockbench = (...args: string[]) => run([program, ...args], here, env);

beforeAll(() => {
  mkdirSync(here);
  const { code, stderr } = run([process.execPath, "bench/build.ts", program], HOME, {
    ...process.env,
    ...env,
  });
  expect([code, stderr]).toEqual([0, ""]);
}, BOUND_MS);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Mutants are started by tests alone, but for two that are measured. */
const measured = (file: string) => !/^servers\/mutants\/(?!chat-(slow|unbatched)\.ts$)/.test(file);
const startsItself = (file: string) =>
  readFileSync(join(HOME, file), "utf8").includes("\nif (import.meta.main) await standalone(");
/** These run by themselves as soon as they are loaded. */
const atOnce = ["clients/fleet.ts", ...["tcp", "udp", "ws"].map((name) => `servers/yardstick/${name}.ts`)];

test("it has every program that is started as a process of its own", () => {
  const files = [...new Bun.Glob("{bench,clients,servers}/**/*.ts").scanSync(HOME)];
  const programs = files.filter((file) => measured(file) && startsItself(file));
  expect(Object.keys(parts).toSorted()).toEqual([...programs, ...atOnce].toSorted());
});

test("a file of the user's can import what the package exports", () => {
  const specifiers = Object.keys(exports).map((path) => join(name, path));
  expect(Object.keys(modules).toSorted()).toEqual(specifiers.toSorted());
});

test.each(["servers/udp-relay.ts", "servers/known/loser.ts", "bench/scenarios/raw-copy.ts"])(
  "its part %s serves, and stops on SIGTERM",
  async (file) => {
    const part = await startListening([program, PART, file, "--port", "0", "--json"], env);
    expect(part.listening).toMatch(/^(tcp|udp):\/\/127\.0\.0\.1:\d+$/);
    expect(await part.stop()).toBe(0);
  },
);

/** A protocol's file, with all that such a file may do; what it says when it is loaded is seen as its failure. */
const MINE = `
import { word } from "dependency";
import { conform } from "sockbench";
import { helped } from "./helper.ts";
enum Kind { Mine = 1 }
throw new Error([typeof conform, word, helped(), Kind.Mine].join(" ") satisfies string);
`;

test("a fleet loads a file of the user's, with what it imports", async () => {
  const folder = `${here}/mine`;
  mkdirSync(`${folder}/node_modules/dependency/lib`, { recursive: true });
  for (const [name, text] of Object.entries({
    "mine.ts": MINE,
    "helper.ts": 'export const helped = (): string => "helped";',
    "node_modules/dependency/package.json": '{ "type": "module", "exports": "./lib/index.js" }',
    "node_modules/dependency/lib/index.js": 'export const word = "depends";',
  }))
    writeFileSync(`${folder}/${name}`, text);
  const told = Promise.withResolvers<object>();
  const fleet = Bun.spawn([program, PART, "clients/fleet.ts"], {
    ...{ cwd: here, env, serialization: "advanced", stdio: ["ignore", "inherit", "inherit"] },
    ipc: told.resolve,
  });
  fleet.exited.then((code) => told.reject(new Error(`it ended with code ${code}`)));
  fleet.send({ type: "plan", plan: { modules: [`${folder}/mine.ts`] }, fleet: 0, fleets: 1 });
  expect(await told.promise.finally(() => fleet.kill())).toMatchObject({
    type: "failed",
    reason: expect.stringContaining("function depends helped 1"),
  });
});

test("serve and conform: a server of its own is right, its page too", async () => {
  const server = await startListening([program, "serve", "chat/ws", "--port", "0", "--json"], env);
  const { code, stdout } = sockbench("conform", "chat-ws/3", "--target", server.listening);
  await server.stop();
  expect(stdout).toMatch(/\n\S+: \d+ cases: \d+ pass\n$/);
  expect(code).toBe(0);
});

test(
  "bench with its fleets, report and compare, all of the record in the folder where it is run",
  () => {
    const wanted =
      "--quick --connections 8 --duration 0.4 --warmup 0.1 --samples 1 --max-samples 1 --fleets 2 --busy";
    const bench = ["bench", "fanout", "--protocol", "chat/bracket", "--server", "bun,unbatched"];
    const { code, stderr } = sockbench(...bench, ...wanted.split(" "));
    // A busy machine may leave no valid sample: that is told by 4.
    expect([0, 4]).toContain(code);
    expect(stderr).not.toContain("error");

    const [name] = readdirSync(`${here}/results`);
    const record = read(`${here}/results/${name}`);
    expect(new Set(record.samples.map(({ server }) => server))).toEqual(new Set(["bun", "unbatched"]));
    for (const { counts, wrong } of record.samples) {
      expect(wrong).toEqual([]);
      expect(counts.delivered).toBe(counts.expected);
      expect(counts.delivered).toBeGreaterThan(0);
    }
    expect(record.environment).toMatchObject({ sockbench: `${version}+executable`, fleets: 2, git: null });

    expect(sockbench("report").code).toBe(0);
    const page = readFileSync(`${here}/results/${record.id}.html`, "utf8");
    for (const sheet of ["pages/page.css", "bench/report/plots.css"])
      expect(page).toContain(readFileSync(join(HOME, sheet), "utf8"));

    const compared = sockbench("compare", "--servers", "bun,unbatched", record.id);
    expect(compared.stdout + compared.stderr).toContain("unbatched");
  },
  BOUND_MS,
);

test(
  "a protocol of the user's, in a file of the folder, is measured by the fleets",
  async () => {
    const folder = `${here}/protocol`;
    mkdirSync(folder);
    writeFileSync(`${folder}/mine.ts`, readFileSync(join(HOME, "examples/length-json.ts")));
    const server = `mine=${process.execPath} ${HOME}/examples/length-json-server.ts --port {port}`;
    const wanted =
      "--loop closed --connections 5 --duration 0.3 --warmup 0.1 --samples 1 --max-samples 1 --busy";
    const bench = ["bench", "fanout", "--protocol", "./mine.ts", "--server", server];
    const { code, stderr } = run([program, ...bench, ...wanted.split(" ")], folder, env);
    expect([0, 4]).toContain(code);
    expect(stderr).not.toContain("error");
    const [name] = readdirSync(`${folder}/results`);
    const [{ counts, wrong, protocol }] = read(`${folder}/results/${name}`).samples;
    expect([protocol, wrong]).toEqual(["length-json", []]);
    expect(counts.delivered).toBe(counts.expected);
    expect(counts.delivered).toBeGreaterThan(0);
  },
  BOUND_MS,
);

const read = (path: string): RunRecord => recordSchema.parse(JSON.parse(readFileSync(path, "utf8")));

test("the matrix of its targets: peers, which need the source tree, are unsupported in words", () => {
  const { code, stdout } = sockbench("conform", "--all", "--html", "matrix.html", "echo/1.1");
  expect(stdout).toContain("the go peer needs sockbench's source tree, or its npm package");
  expect(readFileSync(`${here}/matrix.html`, "utf8")).toContain(
    readFileSync(join(HOME, "conformance/matrix.css"), "utf8"),
  );
  expect(code).toBe(3);
});

test("aa finds the stored rounds", () => {
  const { stdout, stderr } = sockbench("aa", "--trials", "1");
  expect([stdout, stderr]).toEqual([expect.stringContaining("1 comparisons of each kind"), ""]);
});

test("it is no checkout: --against says so", () => {
  const { code, stderr } = sockbench("bench", "--against", "main");
  expect([code, stderr]).toEqual([2, expect.stringContaining(`${program} is no checkout of it`)]);
});

test("settings of the folder where it is run are not its own", () => {
  const foreign = `${folder}/foreign`;
  mkdirSync(foreign);
  for (const [name, text] of Object.entries({
    "bunfig.toml": 'preload = ["./preload.ts"]',
    "preload.ts": "throw new Error('not ours')",
    "tsconfig.json": "not JSON",
    "package.json": '{ "type": "commonjs" }',
  }))
    writeFileSync(`${foreign}/${name}`, text);
  expect(run([program, "--version"], foreign, env)).toEqual({ code: 0, stdout: `${version}\n`, stderr: "" });
});
