/** The server under test as the bench holds it: one of ours, started for one sample, or one that was given. */
import type { Subprocess } from "bun";
import { openMembers } from "../clients/members.ts";
import type { Target } from "../clients/target.ts";
import { exitCodes, Failure } from "../platform/failure.ts";
import { listenerPid } from "../platform/proc.ts";
import { servers } from "../servers/index.ts";
import { peerCommand, peerLanguages } from "../servers/peers/index.ts";
import { REFERENCE } from "./record.ts";

export type ServerUnderTest = {
  url: string;
  /** Its process, where it can be found on this machine. */
  pid: number | undefined;
  /** Whether we started it: only then is it ours to pin. */
  started: boolean;
  /** Rejects when the server ends while it should serve. */
  broken: Promise<never>;
  /** How often another process has taken its place at the port since it was found. */
  restarts: () => number;
  /** Stops it, and resolves with what it says that it dropped, refused or evicted. */
  stop: () => Promise<Record<string, number>>;
};

/** A way to get a server for a protocol: by name, as `--server`, `--target` and `--exec` choose it. */
export type ServerSource = {
  name: string;
  /** `flags` are for a program of this project; a server that the user gave has its own. */
  start: (protocol: string, flags?: readonly string[]) => Promise<ServerUnderTest>;
};

const START_SECONDS = 10;
const STOP_SECONDS = 2;
const SERVERS = `${import.meta.dir}/../servers`;

const ours = Object.fromEntries(
  Object.entries(servers).map(([name, { file, flags }]) => [name, [file, ...flags]]),
);

/** A room without batches, to measure what batching is worth. */
const unbatched = { "chat/bracket": ["mutants/chat-unbatched.ts"] };

/** Programs of ours by protocol, for each implementation that runs on Bun. */
const onBun: Record<string, Record<string, string[]>> = { bun: ours, unbatched };

/** The implementations that `--server` knows. */
export const implementationNames = [...Object.keys(onBun), ...peerLanguages];

/** One of the implementations in this project; fresh for each sample. */
export function implementation(name: string): ServerSource {
  return {
    name,
    async start(protocol, flags = []) {
      const command = await commandFor(name, protocol);
      return startByLine(`${name} server for ${protocol}`, [...command, "--port", "0", "--json", ...flags]);
    },
  };
}

/** A program of the bench's own, beside which servers are measured. */
export function reference(path: string): ServerSource {
  return {
    name: REFERENCE,
    start: (protocol, flags = []) =>
      startByLine(`the reference for ${protocol}`, [
        process.execPath,
        path,
        "--port",
        "0",
        "--json",
        ...flags,
      ]),
  };
}

/** The servers of a checkout of this project, started by its own `serve` command; fresh for each sample. */
export function serveFrom(name: string, tree: string): ServerSource {
  return {
    name,
    start: (protocol, flags = []) =>
      startByLine(`${name} server for ${protocol}`, [
        process.execPath,
        `${tree}/bench/sockbench.ts`,
        "serve",
        protocol,
        "--port",
        "0",
        "--json",
        ...flags,
      ]),
  };
}

async function commandFor(name: string, protocol: string): Promise<string[]> {
  if (name in onBun) {
    const script = onBun[name][protocol];
    if (!script) throw new Failure(exitCodes.unreachable, `there is no ${name} server for ${protocol}`);
    return [process.execPath, `${SERVERS}/${script[0]}`, ...script.slice(1)];
  }
  const peer = await peerCommand(name as (typeof peerLanguages)[number], protocol);
  if ("command" in peer) return peer.command;
  throw new Failure(
    exitCodes.unreachable,
    `the ${name} server for ${protocol} is unsupported: ${peer.unsupported}`,
  );
}

/** A server that runs already. */
export function runningTarget(target: Target): ServerSource {
  return {
    name: "target",
    async start() {
      const pid = findPid(target);
      return {
        url: target.url,
        pid,
        started: false,
        broken: new Promise(() => {}),
        restarts: () => (findPid(target) === pid ? 0 : 1),
        stop: async () => ({}),
      };
    },
  };
}

/** A command that starts a server; its address is `target`, or what its JSON line says if it prints one. */
export function commandSource(command: string, target: Target | undefined): ServerSource {
  // exec: the shell becomes the server, so that its pid is the server's.
  const argv = ["/bin/sh", "-c", `exec ${command}`];
  return {
    name: "target",
    start: () => (target ? startAndWait(command, argv, target) : startByLine(`"${command}"`, argv)),
  };
}

const findPid = ({ transport, hostname, port }: Target) =>
  ["127.0.0.1", "localhost", "::1"].includes(hostname)
    ? listenerPid(transport === "udp" ? "udp" : "tcp", port)
    : undefined;

/** Starts a server that says where it listens, in one JSON line. */
async function startByLine(name: string, argv: string[]): Promise<ServerUnderTest> {
  const child = Bun.spawn(argv, { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const { broken, serves, stop } = supervise(name, child);
  const late = Promise.withResolvers<string>();
  const timer = setTimeout(() => late.resolve(""), START_SECONDS * 1000);
  try {
    const lines = readLines(child.stdout);
    const line = await Promise.race([broken, lines.first, late.promise]);
    // A command that ends without a word is better told by how it ended.
    if (line === "") await Promise.race([broken, Bun.sleep(500)]);
    const url = listeningUrl(line);
    if (url === undefined)
      throw new Failure(
        exitCodes.unreachable,
        `${name} did not say where it listens, but "${line.slice(0, 120)}"`,
      );
    serves();
    const stopAndHear = async () => {
      await stop();
      return countersIn(await lines.last);
    };
    return { url, pid: child.pid, started: true, broken, restarts: () => 0, stop: stopAndHear };
  } catch (error) {
    await stop();
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

/** What the last JSON line of a server of ours counts. */
function countersIn(line: string): Record<string, number> {
  try {
    const { counters } = JSON.parse(line);
    const entries = Object.entries(counters ?? {});
    return Object.fromEntries(
      entries.filter((entry): entry is [string, number] => Number.isInteger(entry[1])),
    );
  } catch {
    return {};
  }
}

/** The address in a server's JSON line. */
function listeningUrl(line: string): string | undefined {
  try {
    const { listening } = JSON.parse(line);
    return typeof listening === "string" ? listening : undefined;
  } catch {
    return undefined;
  }
}

/** Starts a server that says nothing we know, and asks at its address until it answers. */
async function startAndWait(command: string, argv: string[], target: Target): Promise<ServerUnderTest> {
  const name = `"${command}"`;
  const child = Bun.spawn(argv, { stdin: "ignore", stdout: "ignore", stderr: "pipe" });
  const { broken, serves, stop } = supervise(name, child);
  const deadline = performance.now() + START_SECONDS * 1000;
  // UDP has no handshake: that a port is bound is all that can be seen before the roll call.
  const answers = async () =>
    target.transport === "udp"
      ? findPid(target) !== undefined
      : openMembers(target, 1, { onBytes: () => {}, onLost: () => {} }).then(
          ([member]) => {
            member.close();
            return true;
          },
          () => false,
        );
  while (!(await Promise.race([broken, answers()]))) {
    if (performance.now() > deadline) {
      await stop();
      throw new Failure(
        exitCodes.unreachable,
        `${target.url} did not answer within ${START_SECONDS} s of ${name}`,
      );
    }
    await Bun.sleep(50);
  }
  serves();
  const stopSilently = () => stop().then(() => ({}));
  return {
    url: target.url,
    pid: findPid(target) ?? child.pid,
    started: true,
    broken,
    restarts: () => 0,
    stop: stopSilently,
  };
}

/** Watches a server's process: it may end only when it is told to. */
function supervise(name: string, child: Subprocess<"ignore", "pipe" | "ignore", "pipe">) {
  let stopping = false;
  let serving = false;
  const said = lastLine(child.stderr);
  const broken = child.exited.then(async (code): Promise<never> => {
    if (stopping) return new Promise(() => {});
    const how = child.signalCode ? `by ${child.signalCode}` : `with code ${code}`;
    const last = await said;
    throw new Failure(
      serving ? exitCodes.wrong : exitCodes.unreachable,
      `${name} ended ${how}${last ? `: ${last}` : ""}`,
    );
  });
  broken.catch(() => {});
  return {
    broken,
    /** From now on its end is its own fault; before, it could not be started. */
    serves() {
      serving = true;
    },
    async stop() {
      stopping = true;
      child.kill("SIGTERM");
      const timer = setTimeout(() => child.kill("SIGKILL"), STOP_SECONDS * 1000);
      await child.exited;
      clearTimeout(timer);
    },
  };
}

const MOST_LINE_CHARACTERS = 65_536;

/** The first line of a stream as soon as it is there, and the last one when the stream has ended. */
function readLines(stream: ReadableStream<Uint8Array>): { first: Promise<string>; last: Promise<string> } {
  const first = Promise.withResolvers<string>();
  const read = async () => {
    let text = "";
    for await (const chunk of stream) {
      text += Buffer.from(chunk).toString();
      if (text.includes("\n") || text.length > MOST_LINE_CHARACTERS) first.resolve(text.split("\n", 1)[0]);
      if (text.length > MOST_LINE_CHARACTERS) text = text.slice(-MOST_LINE_CHARACTERS);
    }
    first.resolve(text.split("\n", 1)[0]);
    return text.trimEnd().split("\n").pop() ?? "";
  };
  return { first: first.promise, last: read().catch(() => "") };
}

/** The last line that a server wrote to its standard error, for the message of its end. */
async function lastLine(stream: ReadableStream<Uint8Array>): Promise<string> {
  let text = "";
  for await (const chunk of stream) text = (text + Buffer.from(chunk).toString()).slice(-4096);
  return text.trimEnd().split("\n").pop() ?? "";
}
