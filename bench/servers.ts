/** The server under test as the bench holds it: one of ours, started for one sample, or one that was given. */
import type { Subprocess } from "bun";
import { openMembers } from "../clients/members.ts";
import type { Target } from "../clients/target.ts";
import { listenerPid } from "../platform/proc.ts";
import { dialectNames } from "../protocols/chat.ts";
import { peerCommand, peerLanguages } from "../servers/peers/index.ts";
import { exitCodes, Failure } from "./failure.ts";

export type ServerUnderTest = {
  url: string;
  /** Its process, where it can be found on this machine. */
  pid: number | undefined;
  /** Rejects when the server ends while it should serve. */
  broken: Promise<never>;
  stop: () => Promise<void>;
};

/** A way to get a server for a protocol: by name, as `--server`, `--target` and `--exec` choose it. */
export type ServerSource = { name: string; start: (protocol: string) => Promise<ServerUnderTest> };

const START_SECONDS = 10;
const STOP_SECONDS = 2;
const SERVERS = `${import.meta.dir}/../servers`;

const ours: Record<string, string[]> = {
  ...Object.fromEntries(dialectNames.map((name) => [name, ["tcp-chat.ts", "--dialect", name]])),
  relay: ["udp-relay.ts"],
  "sum/ws": ["ws-sum.ts"],
};

/** The implementations that `--server` knows. */
export const implementationNames = ["bun", ...peerLanguages];

/** One of the implementations in this project; fresh for each sample. */
export function implementation(name: string): ServerSource {
  return {
    name,
    async start(protocol) {
      const command = await commandFor(name, protocol);
      return startByLine(`${name} server for ${protocol}`, [...command, "--port", "0", "--json"]);
    },
  };
}

async function commandFor(name: string, protocol: string): Promise<string[]> {
  if (name === "bun") {
    const script = ours[protocol];
    if (!script) throw new Failure(exitCodes.unreachable, `there is no bun server for ${protocol}`);
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
      return { url: target.url, pid: findPid(target), broken: new Promise(() => {}), stop: async () => {} };
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
  const { broken, stop } = supervise(name, child);
  const line = await Promise.race([broken, firstLine(child.stdout), sleepUntilLate(name, child)]);
  let url: unknown;
  try {
    url = JSON.parse(line).listening;
  } catch {}
  if (typeof url !== "string") {
    await stop();
    throw new Failure(
      exitCodes.unreachable,
      `${name} did not say where it listens, but "${line.slice(0, 120)}"`,
    );
  }
  return { url, pid: child.pid, broken, stop };
}

/** Starts a server that says nothing we know, and asks at its address until it answers. */
async function startAndWait(command: string, argv: string[], target: Target): Promise<ServerUnderTest> {
  const name = `"${command}"`;
  const child = Bun.spawn(argv, { stdin: "ignore", stdout: "ignore", stderr: "pipe" });
  const { broken, stop } = supervise(name, child);
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
  return { url: target.url, pid: findPid(target) ?? child.pid, broken, stop };
}

/** Watches a server's process: it may end only when it is told to. */
function supervise(name: string, child: Subprocess<"ignore", "pipe" | "ignore", "pipe">) {
  let stopping = false;
  const said = lastLine(child.stderr);
  const broken = child.exited.then(async (code): Promise<never> => {
    if (stopping) return new Promise(() => {});
    const how = child.signalCode ? `by ${child.signalCode}` : `with code ${code}`;
    const last = await said;
    throw new Failure(exitCodes.wrong, `${name} ended ${how}${last ? `: ${last}` : ""}`);
  });
  broken.catch(() => {});
  return {
    broken,
    async stop() {
      stopping = true;
      child.kill("SIGTERM");
      const timer = setTimeout(() => child.kill("SIGKILL"), STOP_SECONDS * 1000);
      await child.exited;
      clearTimeout(timer);
    },
  };
}

async function firstLine(stream: ReadableStream<Uint8Array>): Promise<string> {
  let text = "";
  for await (const chunk of stream) {
    text += Buffer.from(chunk).toString();
    if (text.includes("\n") || text.length > 65_536) break;
  }
  return text.split("\n", 1)[0];
}

/** The last line that a server wrote to its standard error, for the message of its end. */
async function lastLine(stream: ReadableStream<Uint8Array>): Promise<string> {
  let text = "";
  for await (const chunk of stream) text = (text + Buffer.from(chunk).toString()).slice(-4096);
  return text.trimEnd().split("\n").pop() ?? "";
}

async function sleepUntilLate(name: string, child: Subprocess): Promise<never> {
  await Bun.sleep(START_SECONDS * 1000);
  if (child.exitCode === null) child.kill("SIGKILL");
  throw new Failure(exitCodes.unreachable, `${name} said nothing within ${START_SECONDS} s`);
}
