/**
 * Machines for tests of several: network namespaces, joined by veth pairs of MTU 1,500 at a bridge, each in a time
 * namespace of its own whose monotonic clock is shifted (time_namespaces(7)). They are held by processes, so that nothing
 * is left of them when these end. Only root can make them.
 */
import { readFileSync } from "node:fs";

export type Machine = {
  name: string;
  address: string;
  /** What its monotonic clock is ahead of this machine's, nanoseconds. */
  ahead: number;
  /** Starts a program there; the process is the program itself, so that signals reach it. */
  start: (argv: string[], options?: { env?: Record<string, string> }) => Started;
  /** Takes its cable out, or puts it in again. */
  cable: (state: "up" | "down") => void;
};

export type Started = Bun.Subprocess<"ignore", "pipe", "pipe">;

export type Machines = {
  add: (name: string, ahead: { seconds: number }) => Machine;
  close: () => Promise<void>;
};

const MTU = 1500;
const HELD_MS = 5000;

/** Why there can be no such machines here; undefined where there can. */
export function unsupported(): string | undefined {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return "namespaces need root on Linux";
  for (const program of ["ip", "unshare", "nsenter", "setpriv", "nats-server"])
    if (!Bun.which(program)) return `${program} is not installed`;
  const tried = Bun.spawnSync(["unshare", "--net", "--time", "--monotonic", "1", "--fork", "true"]);
  return tried.success ? undefined : "this kernel, or container, makes no time namespaces";
}

export function createMachines(): Machines {
  const holders: Bun.Subprocess[] = [];
  const started: Started[] = [];
  const hub = holdNamespaces(holders, 0);
  inside(hub, "ip", "link", "add", "hub", "type", "bridge");
  inside(hub, "ip", "link", "set", "hub", "up");
  let count = 0;
  return {
    add(name, { seconds }) {
      const number = ++count;
      const address = `10.77.0.${number}`;
      const holder = holdNamespaces(holders, seconds);
      const port = `port${number}`;
      inside(
        hub,
        "ip",
        "link",
        "add",
        port,
        "mtu",
        `${MTU}`,
        "type",
        "veth",
        "peer",
        "name",
        "eth0",
        "mtu",
        `${MTU}`,
        "netns",
        `${holder}`,
      );
      inside(hub, "ip", "link", "set", port, "master", "hub", "up");
      inside(holder, "ip", "address", "add", `${address}/24`, "dev", "eth0");
      inside(holder, "ip", "link", "set", "eth0", "up");
      inside(holder, "ip", "link", "set", "lo", "up");
      return {
        name,
        address,
        ahead: seconds * 1e9,
        start(argv, { env = {} } = {}) {
          const child = Bun.spawn([...enter(holder), ...argv], {
            stdin: "ignore",
            stdout: "pipe",
            stderr: "pipe",
            env: { ...process.env, ...env },
          });
          started.push(child);
          return child;
        },
        cable: (state) => inside(hub, "ip", "link", "set", port, state),
      };
    },
    async close() {
      for (const child of [...started, ...holders]) child.kill("SIGKILL");
      await Promise.all([...started, ...holders].map(({ exited }) => exited));
    },
  };
}

/** Before a command: it ends with this process, however that ends (prctl(2), PR_SET_PDEATHSIG). */
export const mortal = Bun.which("setpriv") ? ["setpriv", "--pdeathsig", "KILL"] : [];

/** A program in the namespaces that a process holds, its time for children among them. */
const enter = (holder: number) => [
  ...mortal,
  "nsenter",
  `--net=/proc/${holder}/ns/net`,
  `--time=/proc/${holder}/ns/time_for_children`,
  "--",
];

function inside(holder: number, ...argv: string[]): void {
  const { success, stderr } = Bun.spawnSync([...enter(holder), ...argv]);
  if (!success) throw new Error(`${argv.join(" ")}: ${stderr}`);
}

function holdNamespaces(holders: Bun.Subprocess[], seconds: number): number {
  const shift = ["--monotonic", `${seconds}`, "--boottime", `${seconds}`];
  const child = Bun.spawn(
    [...mortal, "unshare", "--net", "--time", ...shift, "--fork", "--kill-child", "sleep", "infinity"],
    { stdio: ["ignore", "ignore", "inherit"] },
  );
  holders.push(child);
  // `unshare` has made them, and set the clock, once it has a child there.
  const deadline = performance.now() + HELD_MS;
  while (!hasChild(child.pid)) if (performance.now() > deadline) throw new Error("no namespaces within 5 s");
  return child.pid;
}

/** It has given the namespaces to a child: only then is its clock set. */
const hasChild = (pid: number) => readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim() !== "";
