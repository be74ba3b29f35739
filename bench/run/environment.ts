/** What the run stood on: everything about machine, kernel, runtime and checkout that results depend on. */
import { cpus, release, totalmem } from "node:os";
import { version } from "../../package.json";
import { clockUncertainty } from "../../platform/clock.ts";
import { isExecutable } from "../../platform/own.ts";
import { fileLimit, sysctl } from "../../platform/proc.ts";
import { fdOf, getOption } from "../../platform/socket-options.ts";
import type { Environment } from "../record/record.ts";
import { git, isCheckout } from "./checkout.ts";

const SYSCTLS = [
  "net/core/rmem_max",
  "net/core/rmem_default",
  "net/core/wmem_max",
  "net/core/somaxconn",
  "net/ipv4/tcp_rmem",
  "net/ipv4/tcp_wmem",
  "net/ipv4/ip_local_port_range",
];

export async function readEnvironment(fleets: number, pinned: Environment["pinned"]): Promise<Environment> {
  const finite = (value: number) => (Number.isFinite(value) ? value : null);
  const limit = fileLimit();
  return {
    // Our servers and fleets may be of another speed there: its records are not compared with others.
    sockbench: isExecutable ? `${version}+executable` : version,
    bun: Bun.version,
    bunRevision: Bun.revision,
    platform: `${process.platform} ${process.arch}`,
    kernel: release(),
    cpu: cpus()[0]?.model ?? "unknown",
    cores: cpus().length,
    memory: totalmem(),
    openFiles: limit ? { soft: finite(limit.soft), hard: finite(limit.hard) } : null,
    sysctl: Object.fromEntries(
      SYSCTLS.flatMap((name) => [[name, sysctl(name)]].filter(([, value]) => value)),
    ),
    socketOptions: await readSocketOptions(),
    git: readGit(),
    fleets,
    pinned,
    clockUncertainty,
  };
}

/** The options that a fresh TCP connection and a fresh UDP socket have here. */
async function readSocketOptions(): Promise<Record<string, number>> {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const socket = await Bun.connect({ hostname: "127.0.0.1", port: listener.port, socket: { data() {} } });
  const udp = await Bun.udpSocket({ hostname: "127.0.0.1", port: 0 });
  const options = {
    "tcp TCP_NODELAY": getOption(fdOf(socket), "TCP_NODELAY"),
    "tcp TCP_MAXSEG": getOption(fdOf(socket), "TCP_MAXSEG"),
    "tcp SO_SNDBUF": getOption(fdOf(socket), "SO_SNDBUF"),
    "tcp SO_RCVBUF": getOption(fdOf(socket), "SO_RCVBUF"),
    "udp SO_RCVBUF": getOption(fdOf(udp), "SO_RCVBUF"),
  };
  udp.close();
  socket.end();
  listener.stop(true);
  return Object.fromEntries(
    Object.entries(options).filter((entry): entry is [string, number] => entry[1] !== undefined),
  );
}

/** The commit that is checked out here; null outside of a checkout of the project's own, or without git. */
function readGit(): Environment["git"] {
  const commit = isCheckout() ? git(["rev-parse", "HEAD"]) : undefined;
  return commit?.ok ? { commit: commit.text, clean: git(["status", "--porcelain"]).text === "" } : null;
}
