/** What is true of the connections of every TCP server, whatever it says to them. */
import { afterAll, afterEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Socket } from "bun";
import { cpuTime } from "../platform/clock.ts";
import { openFilesOf } from "../platform/proc.ts";
import { fdOf, getOption } from "../platform/socket-options.ts";
import { ACCEPTED, writeName } from "../protocols/file.ts";
import { encodeFrame, FIN, handshakeRequest, opcodes } from "../protocols/websocket.ts";
import { listenTcp } from "./listen.ts";
import { connectRaw, eventually, type Program, type ProgramOptions, startProgram } from "./testing.ts";

const onLinux = test.skipIf(process.platform !== "linux");
const dir = mkdtempSync(join(tmpdir(), "listen-test-"));
const programs: Program[] = [];
afterEach(async () => {
  await Promise.all(programs.splice(0).map((program) => program.stop()));
});
afterAll(() => rmSync(dir, { recursive: true }));

const upgrade = (path: string) => handshakeRequest("localhost", path, "c29ja2JlbmNoLXRlc3QtMQ==");
const frame = (text: string) => encodeFrame(FIN | opcodes.text, text, 0x01020304);
const chat = (dialect: string, said = "hello\n") => ({
  file: "tcp-chat.ts",
  flags: ["--dialect", dialect],
  hello: "",
  ask: said,
});

/** The servers of which some client, who asks or the other, hears something when one asks. */
const talks: Record<string, { file: string; flags?: string[]; hello: string; ask: string | Uint8Array }> = {
  "chat/bracket": chat("chat/bracket"),
  "chat/welcome": chat("chat/welcome"),
  "chat/stamped": chat("chat/stamped", "1:hello\n"),
  "chat/json": chat("chat/json", '{"data":"hello"}'),
  "chat/ws": { file: "ws-chat.ts", hello: upgrade("/ws"), ask: frame("hello") },
  "sum/tcp": { file: "tcp-sum.ts", hello: "", ask: '{"A":7,"B":4}' },
  "sum/ws": { file: "ws-sum.ts", hello: upgrade("/add"), ask: frame('{"A":7,"B":4}') },
  echo: { file: "tcp-echo.ts", hello: "", ask: "ping\n" },
};
const fileFlags = ["--dir", dir];

async function start(file: string, flags: string[] = [], options: ProgramOptions = {}): Promise<Program> {
  const program = await startProgram(file, flags, options);
  programs.push(program);
  return program;
}

/** A program whose connections get a timer that runs out within seconds; `timersOver` waits until they have. */
async function startTimed(name: string, file: string, flags?: string[]) {
  const unix = join(dir, `${name.replace("/", "-")}.socket`);
  const preload = { file: `${import.meta.dir}/testing-timers.ts`, env: { TIMERS_OVER: unix } };
  const program = await start(file, flags, { preload });
  return { ...program, timersOver: async () => (await connectRaw({ unix })).untilClosed() };
}

async function outlivesItsTimer(name: string): Promise<void> {
  const { file, flags, hello, ask } = talks[name];
  const program = await startTimed(name, file, flags);
  const [busy, idle] = [await connectRaw(program.listening), await connectRaw(program.listening)];
  const heard = () => busy.received() + idle.received();
  for (const client of [busy, idle]) client.write(hello);
  if (hello) await eventually(() => busy.received() > 0 && idle.received() > 0, `${name}: the handshakes`);
  const asks = async (client: typeof busy, who: string) => {
    const before = heard();
    client.write(ask);
    await eventually(() => heard() > before, `${name}: an answer to the ${who} connection`);
  };
  await asks(busy, "busy");
  const traffic = setInterval(() => void busy.write(ask), 100);
  await program.timersOver().finally(() => clearInterval(traffic));
  await asks(busy, "busy");
  await asks(idle, "idle");
  busy.reset();
  idle.reset();
}

async function transferOutlivesItsTimer(): Promise<void> {
  const program = await startTimed("file", "tcp-file.ts", fileFlags);
  const [busy, idle] = [await connectRaw(program.listening), await connectRaw(program.listening)];
  busy.write(writeName("busy"));
  await busy.untilEnd(ACCEPTED);
  let sent = 0;
  const traffic = setInterval(() => {
    busy.write("x");
    sent++;
  }, 100);
  await program.timersOver().finally(() => clearInterval(traffic));
  busy.finish();
  await busy.untilClosed();
  expect(busy.text()).toStartWith(`Y${sent} `);
  idle.write(writeName("idle"));
  await idle.untilEnd(ACCEPTED);
  idle.reset();
}

test("no connection, busy or idle, ends of the timer that Bun gives it", async () => {
  await Promise.all([...Object.keys(talks).map(outlivesItsTimer), transferOutlivesItsTimer()]);
});

/** More than the descriptors that are left to a server that may have so many files open. */
const [OPEN_FILES, CLIENTS, LEAVING] = [64, 100, 30];
/** A server that spins uses as much of a core as it gets; one that does not, hundredths. */
const SPINNING = 0.25;

onLinux.each(["chat/welcome", "chat/ws", "echo", "sum/tcp", "sum/ws"])(
  "%s at a full file table: no spinning, the connected are served, and the waiting when some have left",
  async (name) => {
    const { file, flags, hello, ask } = talks[name];
    const program = await start(file, flags, { openFiles: OPEN_FILES });
    const clients = await Promise.all(
      Array.from({ length: CLIENTS }, async () => {
        const client = await connectRaw(program.listening);
        if (hello) client.write(hello);
        client.write(ask);
        return client;
      }),
    );
    const served = () => clients.filter((client) => client.received() > 0).length;
    const { pid } = program.child;
    await eventually(() => openFilesOf(pid)?.open === OPEN_FILES, "the file table to be full");
    const [used, since] = [cpuTime(pid)!, performance.now()];
    await Bun.sleep(1000); // the time over which its CPU time is taken
    const share = (cpuTime(pid)! - used) / 1e6 / (performance.now() - since);
    expect(share).toBeLessThan(SPINNING);
    const before = served();
    expect(before).toBeLessThan(OPEN_FILES);
    const connected = clients.filter((client) => client.received() > 0);
    const heard = () => connected.reduce((sum, client) => sum + client.received(), 0);
    const goal = heard() + 1;
    connected[LEAVING].write(ask);
    await eventually(() => heard() >= goal, "an answer at a full table");
    for (const client of connected.slice(0, LEAVING)) client.reset();
    await eventually(() => served() === before + LEAVING, "the waiting to be served");
    for (const client of clients) client.reset();
  },
);

test("a finished connection is reset when its peer does not close it, whatever it sends; no other one is", async () => {
  type Peer = { socket: Socket<Peer>; gone: boolean };
  const peers: Peer[] = [];
  const listener = listenTcp<Peer>(
    { host: "127.0.0.1", port: 0 },
    {
      open(socket) {
        socket.data = { socket, gone: false };
        peers.push(socket.data);
      },
      data(peer, chunk) {
        if (chunk.toString() !== "finish") return;
        peer.socket.shutdown();
        listener.linger(peer.socket);
      },
      end() {},
      close(peer) {
        peer.gone = true;
      },
    },
    0.2,
  );
  const place = { hostname: "127.0.0.1", port: listener.port };
  const [stays, closes, other] = [await connectRaw(place), await connectRaw(place), await connectRaw(place)];
  for (const client of [stays, closes]) {
    client.write("finish");
    await client.untilClosed();
  }
  closes.finish();
  const traffic = setInterval(() => void stays.write("more"), 20);
  await eventually(() => peers[0].gone && peers[1].gone, "the finished ones to go").finally(() =>
    clearInterval(traffic),
  );
  expect(peers.map(({ gone }) => gone)).toEqual([true, true, false]);
  for (const client of [stays, other]) client.reset();
  listener.stop();
});

onLinux("what the kernel takes for one that does not read is bounded", async () => {
  let taken = 0;
  let bound = 0;
  const listener = listenTcp<true>(
    { host: "127.0.0.1", port: 0 },
    {
      open(socket) {
        socket.data = true;
        bound = getOption(fdOf(socket), "SO_SNDBUF")!;
        taken = socket.write(new Uint8Array(8 * 1_048_576));
      },
      data() {},
      end() {},
      close() {},
    },
  );
  const deaf = await connectRaw({ hostname: "127.0.0.1", port: listener.port });
  deaf.socket.pause();
  await eventually(() => taken > 0, "a write");
  expect(bound).toBeLessThanOrEqual(262_144);
  expect(taken).toBeLessThan(1_048_576);
  deaf.reset();
  listener.stop();
});
