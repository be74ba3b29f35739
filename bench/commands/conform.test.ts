/** The command line of conform: no flag is dropped in silence, no result is lost to a file. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Running } from "../../servers/standalone.ts";
import { startEcho } from "../../servers/tcp-echo.ts";

let server: Running;
let folder: string;
beforeAll(() => {
  server = startEcho({ host: "127.0.0.1", port: 0, unframed: false, idleSeconds: 300 });
  folder = mkdtempSync(join(tmpdir(), "conform-"));
});
afterAll(() => {
  server.stop();
  rmSync(folder, { recursive: true });
});

const sockbench = (...args: string[]) => sockbenchIn(import.meta.dir, ...args);

async function sockbenchIn(cwd: string, ...args: string[]) {
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "../sockbench.ts"), "conform", ...args], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    timeout: 25_000,
    cwd,
  });
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  return { code: await child.exited, stdout, stderr };
}

const at = ["--target", "tcp://127.0.0.1:1"];

test.concurrent.each<[args: string[], said: string]>([
  [["--exec", "x"], "--exec needs --target: the address at which the command answers"],
  [["--exec", "x", "--server", "go", ...at], "--server and --target do not go together: it names the server"],
  [["--exec", "x", "--server", "go"], "--server and --exec do not go together"],
  [["--all", "--exec", "x"], "--all and --exec do not go together"],
  [["--all", "--time", "idle=1"], "--all and --time do not go together"],
  [["--list", ...at], "--list and --target do not go together: a list runs nothing"],
  [["--list", "--junit", "x.xml"], "--list and --junit do not go together"],
  [["--unproven", "--strict"], "--unproven and --strict do not go together"],
  [["--html", "x.html"], "--html needs --all: it writes the matrix of all targets"],
  [["--json", "--quiet"], "--quiet and --json do not go together"],
  [["--exec", "x", "--exec", "y", ...at], "'--exec <command>' argument 'y' is invalid"],
  [["echo", "--time", "forget=2"], "--time forget=2: no chosen case uses it"],
  [["sum-tcp", "--time", "idle=2", "--time", "idle=3"], "idle is given already"],
  [["--insecure"], "--insecure is for a target with tls:// or wss://"],
  [["echo", "--insecure", "--server", "a=tcp://127.0.0.1:1"], "--insecure is for a target with tls://"],
  [["--insecure", ...at], "--insecure is for a target with tls:// or wss://"],
])("%j is a usage error that names both", async (args, said) => {
  const { code, stdout, stderr } = await sockbench(...args);
  expect([code, stdout]).toEqual([2, ""]);
  expect(stderr.trim().split("\n")).toEqual([expect.stringContaining(said)]);
});

test.each([
  [at, "error: --target tcp://127.0.0.1:1 cannot be reached"],
  [["--server", "mine=tcp://127.0.0.1:1"], "error: --server mine: tcp://127.0.0.1:1 cannot be reached"],
])("nobody at %j is code 3, and no case is run", async (flags, words) => {
  const { code, stdout, stderr } = await sockbench("echo", ...flags);
  expect([code, stdout]).toEqual([3, ""]);
  expect(stderr).toStartWith(words);
});

test("a file that cannot be written is told before the run", async () => {
  const path = join(folder, "none", "report.xml");
  const { code, stdout, stderr } = await sockbench("echo", "--target", server.url, "--junit", path);
  expect([code, stdout]).toEqual([2, ""]);
  expect(stderr).toBe(`error: --junit ${path} cannot be written: no such folder\n`);
});

test("what cannot be written in the end costs the file, not the results", async () => {
  // The device that is always full (full(4)).
  const { code, stdout, stderr } = await sockbench("echo/1", "--target", server.url, "--junit", "/dev/full");
  expect(code).toBe(2);
  expect(stdout).toContain("8 cases: 8 pass");
  expect(stderr).toBe("error: --junit /dev/full cannot be written: no space left on device\n");
});

test("the results of a target are a JUnit file, and of several targets one too", async () => {
  const one = join(folder, "one.xml");
  expect((await sockbench("echo/1.1", "--target", server.url, "--junit", one)).code).toBe(0);
  expect(await Bun.file(one).text()).toMatch(
    /^<\?xml .*\?>\n<testsuites>\n<testsuite name="tcp:.* tests="1" failures="0"/,
  );
  const targets = join(folder, "targets.json");
  const entry = { protocols: ["echo"], url: server.url };
  await Bun.write(
    targets,
    JSON.stringify([
      { name: "a", ...entry },
      { name: "b", ...entry },
    ]),
  );
  const [all, page] = [join(folder, "all.xml"), join(folder, "all.html")];
  const { code, stderr } = await sockbench("echo/1.1", "--all", targets, "--junit", all, "--html", page);
  expect([code, stderr.trim().split("\n").pop()]).toEqual([0, `the page: ${page}`]);
  expect(await Bun.file(all).text()).toMatch(
    /^<\?xml .*\?>\n<testsuites>\n<testsuite name="a".*<\/testsuite>\n<testsuite name="b".*<\/testsuite>\n<\/testsuites>\n$/s,
  );
  expect(
    readdirSync(folder)
      .filter((name) => !name.endsWith(".ts"))
      .sort(),
  ).toEqual(["all.html", "all.xml", "one.xml", "targets.json"]);
});

test("targets.json of the folder where it is run is the one that is meant, for --all and for names", async () => {
  const here = mkdtempSync(join(tmpdir(), "conform-here-"));
  const command = `'${process.execPath}' '${join(import.meta.dir, "../../servers/tcp-echo.ts")}' --port {port}`;
  const mine = {
    name: "mine",
    command,
    protocols: ["echo"],
    known: {},
    unsupported: { "echo/1.2": "not here" },
  };
  await Bun.write(join(here, "targets.json"), JSON.stringify([mine]));
  const all = await sockbenchIn(here, "echo/1.1", "--all", "--json");
  expect(all.code).toBe(0);
  expect(JSON.parse(all.stdout).map(({ name }: { name: string }) => name)).toEqual(["mine"]);
  const one = await sockbenchIn(here, "--server", "mine", "--json");
  expect(one.code).toBe(0);
  const { target, counts } = JSON.parse(one.stdout);
  expect(target).toBe("mine");
  expect(counts.unsupported).toBeGreaterThanOrEqual(1);
  expect((await sockbenchIn(here, "echo/1.1", "--server", "bun")).code).toBe(0);
  const bad = { name: "bad", command: "echo 'no such thing'; exit 7 # {port}", protocols: ["echo"] };
  await Bun.write(join(here, "targets.json"), JSON.stringify([bad, mine]));
  const both = await sockbenchIn(here, "echo/1.1", "--all", "--json");
  expect(both.code).toBe(3);
  expect(JSON.parse(both.stdout)).toMatchObject([
    {
      name: "bad",
      report: { results: [{ verdict: "error", actual: expect.stringContaining("no such thing") }] },
    },
    { name: "mine", report: { counts: { pass: 1 } } },
  ]);
  rmSync(here, { recursive: true });
});

const examples = join(import.meta.dir, "../../examples");
const lengthJson = join(examples, "length-json.ts");
const lengthJsonServer = `'${process.execPath}' '${examples}/length-json-server.ts' --port {port}`;

test.concurrent.each<[args: string[], said: string]>([
  [["--protocol", lengthJson], "no server of ours speaks length-json: name yours with --target <url>"],
  [["echo", "--protocol", lengthJson], "echo is no case of it: they begin with length-json/"],
  [["--protocol", "./nowhere.ts"], "--protocol ./nowhere.ts: there is no such file"],
  [["7.1", "--protocol", lengthJson], 'no case matches "length-json/7.1"'],
])("%j is one line that says what to do", async (args, said) => {
  const { code, stdout, stderr } = await sockbench(...args);
  expect([code === 2 || code === 3, stdout]).toEqual([true, ""]);
  expect(stderr.trim().split("\n")).toEqual([expect.stringContaining(said)]);
});

test("a protocol whose cases would have the ids of ours is refused", async () => {
  const file = join(folder, "hub.ts");
  await Bun.write(
    file,
    `import { defineProtocol, lines } from "sockbench/protocol";
     export default defineProtocol({ name: "hub", framing: lines(), room: { say: () => ({}), hear: () => ({}) } });`,
  );
  const { code, stderr } = await sockbench("--protocol", file, ...at);
  expect(code).toBe(2);
  expect(stderr).toContain("its cases would have the ids of those of hub: give it another name");
});

test("a protocol of one's own: cases by number, as JSON and JUnit, and servers of it as a page", async () => {
  const xml = join(folder, "mine.xml");
  const server = ["--server", `mine=${lengthJsonServer}`];
  const flags = ["--protocol", lengthJson, ...server, "--junit", xml, "--json"];
  const one = await sockbench("2.2", "5", ...flags);
  expect(one.code).toBe(0);
  const { results } = JSON.parse(one.stdout);
  expect(results[0]).toMatchObject({
    id: "length-json/2.2",
    source: "length-json.ts: framing",
    verdict: "pass",
  });
  expect(results.length).toBeGreaterThan(10);
  expect(await Bun.file(xml).text()).toContain('<testcase classname="length-json" name="2.2 ');

  const targets = join(folder, "mine.json");
  const entry = { name: "mine", protocols: ["length-json"], command: lengthJsonServer };
  await Bun.write(targets, JSON.stringify([entry]));
  const page = join(folder, "mine.html");
  const all = await sockbench("3.1", "--protocol", lengthJson, "--all", targets, "--html", page);
  expect([all.code, all.stdout]).toEqual([0, expect.stringContaining("mine")]);
  expect(await Bun.file(page).text()).toContain("length-json");
});
