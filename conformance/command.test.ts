/** `--exec`: what is judged is the command that was given, and nothing of it is left behind. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { Failure } from "../platform/failure.ts";
import { readProc } from "../platform/proc.ts";
import { everyProcess, isOver } from "../platform/process-tree.ts";
import { freePort } from "../targets/free-port.ts";
import { type ConformOptions, conform } from "./index.ts";

const onLinux = test.skipIf(process.platform !== "linux");
const ROOT = join(import.meta.dir, "..");
const bun = JSON.stringify(process.execPath);
const program = (file: string, port: number, flags = "") =>
  `${bun} ${JSON.stringify(join(ROOT, "servers", file))} --port ${port} ${flags}`;

const at = (port: number, scheme = "tcp") => `${scheme}://127.0.0.1:${port}`;

async function failureOf(options: ConformOptions): Promise<string> {
  const error = await conform({ choice: ["echo/1.1"], ...options }).then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(error).toBeInstanceOf(Failure);
  const { exitCode, message } = error as Failure;
  expect(exitCode).toBe(3);
  return message;
}

const verdicts = async (options: ConformOptions) =>
  Object.fromEntries((await conform(options)).results.map(({ id, verdict }) => [id, verdict]));

test("a server that was already listening is not judged in place of the command", async () => {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const exec = program("tcp-echo.ts", listener.port);
  expect(await failureOf({ exec, target: at(listener.port) })).toStartWith(
    `--exec "${exec}" failed to start: ${at(listener.port)} answered before it was started`,
  );
  listener.stop(true);
});

onLinux("the same over UDP, where the port is already bound", async () => {
  const socket = await Bun.udpSocket({ hostname: "127.0.0.1", socket: { error() {} } });
  const exec = program("udp-relay.ts", socket.port);
  const target = at(socket.port, "udp");
  expect(await failureOf({ choice: ["relay/1.1"], exec, target })).toContain(
    "answered before it was started",
  );
  socket.close();
});

test("a command that exits is reported with what it wrote to either output, escaped", async () => {
  const exec = `echo "about to"; printf 'fail \\033[31mbadly\\n' >&2; exit 7`;
  const message = await failureOf({ exec, target: at(await freePort("tcp")) });
  expect(message).toStartWith(`--exec "${exec}" failed to start: it ended with code 7: `);
  expect(message).toContain("about to");
  expect(message).toContain("fail \\x1b[31mbadly");
});

test("a command that exits and leaves its server in the background is an error", async () => {
  const port = await freePort("tcp");
  const exec = `${program("tcp-echo.ts", port)} &`;
  expect(await failureOf({ exec, target: at(port) })).toContain("ended with code 0");
});

test("a command runs in a shell: folders, variables, quotes", async () => {
  const port = await freePort("tcp");
  const exec = `cd ${JSON.stringify(ROOT)} && FILE='servers/tcp echo.ts' && ${bun} "$(echo "$FILE" | tr ' ' -)" --port ${port}`;
  expect(await verdicts({ choice: ["echo/1.1"], exec, target: at(port) })).toEqual({ "echo/1.1": "pass" });
});

test("its standard input is ours: console cases run, and those that need a fresh server", async () => {
  const port = await freePort("tcp");
  const choice = ["chat-bracket/5.8", "chat-bracket/5.7", "chat-bracket/1.1"];
  const exec = program("tcp-chat.ts", port);
  expect(await verdicts({ choice, exec, target: at(port) })).toEqual({
    "chat-bracket/1.1": "pass",
    "chat-bracket/5.7": "pass",
    "chat-bracket/5.8": "pass",
  });
  const udp = await freePort("udp");
  expect(
    await verdicts({ choice: ["relay/3.6"], exec: program("udp-relay.ts", udp), target: at(udp, "udp") }),
  ).toEqual({ "relay/3.6": "pass" });
});

test("console cases find a wrong console", async () => {
  const port = await freePort("tcp");
  const exec = program("mutants/chat.ts", port, "--fault console-stops");
  const options = { choice: ["chat-bracket/5"], exec, target: at(port), timeout: 500 };
  const failed = Object.entries(await verdicts(options)).filter(([, verdict]) => verdict !== "pass");
  expect(failed).toEqual([["chat-bracket/5.8", "fail"]]);
});

onLinux("no process that it started is left behind", async () => {
  const port = await freePort("tcp");
  const exec = `sleep 987.5 & (setsid sleep 987.5 &); ${program("tcp-echo.ts", port)}`;
  const sleeping = () =>
    everyProcess().filter(
      (one) =>
        one.name === "sleep" && !isOver(one) && readProc(`/proc/${one.pid}/cmdline`)?.includes("987.5"),
    );
  const seen: unknown[][] = [];
  await conform({ choice: ["echo"], exec, target: at(port), onResult: () => seen.push(sleeping()) });
  expect(seen[0]).toHaveLength(2);
  expect(sleeping()).toEqual([]);
});

test("a server that dies in a case is reported with its last output, and restarted for the next", async () => {
  const port = await freePort("tcp");
  const exec = `echo "here I come" >&2; ${program("mutants/chat.ts", port, "--fault console-stops")}; echo "I am gone"`;
  const { results } = await conform({
    choice: ["chat-bracket/5.7", "chat-bracket/5.8"],
    exec,
    target: at(port),
    timeout: 500,
  });
  expect(results.map(({ verdict }) => verdict)).toEqual(["pass", "fail"]);
  expect(results[1].actual).toContain("ended with code 0: here I come");
  expect(results[1].actual).toContain("I am gone");
});

test("a command with {port} is started for each worker and each case that needs it, at ports of ours", async () => {
  const server = `mine=${bun} ${JSON.stringify(join(ROOT, "servers/tcp-chat.ts"))} --port {port}`;
  const choice = ["chat-bracket/1", "chat-bracket/5.7", "chat-bracket/5.8"];
  const { target, counts, results } = await conform({ choice, server });
  expect(target).toBe("mine");
  expect(counts.pass).toBe(results.length);
});

test("one that fails to start is told by its name, with what it wrote", async () => {
  expect(await failureOf({ server: "mine=echo 'no such thing' >&2; exit 7 # {port}" })).toBe(
    "--server mine failed to start: it ended with code 7: no such thing",
  );
});

test.each([
  [{ server: "bun,go" }, "--server bun,go: one server is judged at a time"],
  [{ server: "mine=./a {port}", choice: ["echo", "relay"] }, "--server mine speaks one protocol: name it"],
  [{ server: "mine=tcp://127.0.0.1:1", choice: ["relay"] }, "--server mine: relay runs over UDP, not TCP"],
  [{ server: "perl" }, "--server perl: expected one of: bun"],
])("%j is a usage error", async (options, words) => {
  await expect(conform({ choice: ["echo/1.1"], ...options })).rejects.toMatchObject({
    exitCode: 2,
    message: expect.stringContaining(words),
  });
});
