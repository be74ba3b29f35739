/** `sockbench connect` over a pipe, against our own servers. */
import { expect, test } from "bun:test";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startProgram } from "../../servers/testing.ts";

const TLS = join(import.meta.dir, "../../servers/testing-tls");
const tlsFlags = ["--tls-cert", `${TLS}/cert.pem`, "--tls-key", `${TLS}/key.pem`];

async function connect(args: string[], input: string) {
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "../sockbench.ts"), "connect", ...args], {
    stdin: Buffer.from(input),
    stdout: "pipe",
    stderr: "pipe",
    timeout: 15_000,
  });
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  return { code: await child.exited, stdout, stderr };
}

/** Starts a server, has one conversation, stops it. */
async function converse(file: string, flags: string[], input: string, args: string[] = [], path?: string) {
  const server = await startProgram(file, flags);
  try {
    const url = path ? server.listening.replace(/\/\w+$/, path) : server.listening;
    return await connect([url, ...args], input);
  } finally {
    await server.stop();
  }
}

const unixSocket = join(tmpdir(), `connect-test-${process.pid}.sock`);

test.each<[string, string, string[], string, string, string[]]>([
  ["tcp://: lines, and FIN behind the last", "tcp-echo.ts", [], "ping\nping\n", "pong\npong\n", []],
  ["tcp:// over IPv6", "tcp-echo.ts", ["--host", "::1"], "ping\n", "pong\n", []],
  ["unix://", "tcp-echo.ts", ["--unix", unixSocket], "ping\n", "pong\n", []],
  ["tls:// with --insecure", "tcp-echo.ts", tlsFlags, "ping\n", "pong\n", ["--insecure"]],
  ["tls:// with --ca", "tcp-echo.ts", tlsFlags, "ping\n", "pong\n", ["--ca", `${TLS}/cert.pem`]],
  ["udp://: a datagram a line", "udp-sum.ts", [], '{"A":1,"B":2}', '{"Sum":3}\n', ["--wait", "0.5"]],
  [
    "ws://: a text message a line",
    "ws-sum.ts",
    [],
    '{"A":1,"B":2}\n{"A":3,"B":4}',
    '{"Sum":3}\n{"Sum":7}\n',
    ["--wait", "0.5"],
  ],
  [
    "--protocol: joins, speaks and hears as a member of the room",
    "tcp-chat.ts",
    ["--dialect", "chat/welcome"],
    "hello\n",
    "1:hello\n",
    ["--protocol", "chat/welcome", "--wait", "0.5"],
  ],
  [
    "wss:// with --insecure",
    "ws-sum.ts",
    tlsFlags,
    '{"A":1,"B":2}\n',
    '{"Sum":3}\n',
    ["--wait", "0.5", "--insecure"],
  ],
  [
    "wss:// with --ca",
    "ws-sum.ts",
    tlsFlags,
    '{"A":1,"B":2}\n',
    '{"Sum":3}\n',
    ["--wait", "0.5", "--ca", `${TLS}/cert.pem`],
  ],
])("%s", async (_, file, flags, input, output, args) => {
  expect(await converse(file, flags, input, args)).toEqual({ code: 0, stdout: output, stderr: "" });
});

test("much input over a stream arrives whole", async () => {
  const { code, stdout } = await converse("tcp-echo.ts", [], "ping\n".repeat(200_000), ["--wait", "10"]);
  expect([code, stdout.length]).toEqual([0, 1_000_000]);
});

test.each([
  ["tcp://127.0.0.1:1"],
  ["tls://127.0.0.1:1"],
  ["ws://127.0.0.1:1/ws"],
  ["unix:///nowhere/at.all"],
  ["udp://127.0.0.1:1"],
])("%s: nobody there is one line and exit code 3", async (url) => {
  const { code, stdout, stderr } = await connect([url], "x\n");
  expect([code, stdout]).toEqual([3, ""]);
  expect(stderr).toMatch(/^error: .* cannot be reached: .+\n$/);
  expect(stderr).toContain(url);
});

test.each(["tcp-echo.ts", "ws-sum.ts"])(
  "a certificate that nobody vouches for is refused without --insecure (%s)",
  async (file) => {
    const { code, stderr } = await converse(file, tlsFlags, "ping\n");
    expect(code).toBe(3);
    expect(stderr).toMatch(/^error: .* cannot be reached: .*self.signed.*\n$/i);
  },
);

test.each([
  [["tcp://127.0.0.1:1", "--insecure"], "--insecure"],
  [["tls://127.0.0.1:1", "--insecure", "--ca", `${TLS}/cert.pem`], "--ca"],
  [["tls://127.0.0.1:1", "--ca", "/nowhere.pem"], "--ca /nowhere.pem"],
])("%p is a usage error that names the flag", async (args, flag) => {
  const { code, stderr } = await connect(args, "");
  expect(code).toBe(2);
  expect(stderr).toContain(flag);
});

test("a path that is none of the server's is unreachable too", async () => {
  expect((await converse("ws-sum.ts", [], "x\n", [], "/nowhere")).code).toBe(3);
});

test.each([["nonsense"], ["ftp://x:1"], ["tcp://x"]])("%s is a usage error", async (url) => {
  const { code, stderr } = await connect([url], "");
  expect(code).toBe(2);
  expect(stderr).toContain(url);
});
