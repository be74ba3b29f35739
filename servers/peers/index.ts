// The peers: the same protocols in other languages, to compare ours with. How to start one.
import { join } from "node:path";
import { isExecutable } from "../../platform/own.ts";
import { goMissing, goPeer } from "./go.ts";

export { goMissing, goPeer } from "./go.ts";

export const peerLanguages = ["go", "node"] as const;
export type PeerLanguage = (typeof peerLanguages)[number];

export const peerProtocols = [
  "chat/bracket",
  "chat/welcome",
  "chat/stamped",
  "chat/json",
  "chat/ws",
  "relay",
  "sum/tcp",
  "sum/udp",
  "sum/ws",
  "echo",
  "file",
] as const;

/** What to spawn, with the flags still to be appended; or why there is nothing to spawn here. */
export type PeerCommand = { command: string[] } | { unsupported: string };

const NODE_ENTRY = join(import.meta.dir, "node/peer.mjs");
const OLDEST_NODE = 20;

export async function peerCommand(language: PeerLanguage, protocol: string): Promise<PeerCommand> {
  if (!peerProtocols.some((known) => known === protocol)) {
    return { unsupported: `there is no ${language} peer for ${protocol}` };
  }
  if (isExecutable)
    return { unsupported: `the ${language} peer needs sockbench's source tree, or its npm package` };
  if (language === "go") {
    const binary = await goPeer();
    return binary === undefined
      ? { unsupported: goMissing() ?? "go is not installed" }
      : { command: [binary, protocol] };
  }
  const node = nodePath();
  return typeof node === "string" ? { command: [node, NODE_ENTRY, protocol] } : node;
}

let node: string | { unsupported: string } | undefined;

/** A real Node: under `bun --bun` the name `node` means Bun. */
function nodePath(): string | { unsupported: string } {
  if (node !== undefined) return node;
  const path = Bun.which("node");
  if (path === null) {
    node = { unsupported: "node is not installed" };
    return node;
  }
  const { stdout } = Bun.spawnSync([path, "-p", "process.versions.bun ? 'bun' : process.versions.node"], {
    stderr: "ignore",
    timeout: 10_000,
  });
  const version = stdout.toString().trim();
  node =
    Number.parseInt(version, 10) >= OLDEST_NODE
      ? path
      : { unsupported: `node ${OLDEST_NODE} or later is not installed: ${path} is ${version}` };
  return node;
}
