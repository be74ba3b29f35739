// The peers: the same protocols in other languages, to compare ours with. How to start one.
import { join } from "node:path";
import { isExecutable } from "../../platform/own.ts";
import { cMissing, cPeer } from "./c.ts";
import { goMissing, goPeer } from "./go.ts";

const protocols = [
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

type Peer = {
  protocols: readonly string[];
  /** How it is started; or why it cannot be on this machine. */
  program: () => PeerCommand | Promise<PeerCommand>;
};

const peers = {
  go: { protocols, program: () => compiled(goMissing(), goPeer) },
  node: {
    protocols,
    program() {
      const node = nodePath();
      return typeof node === "string" ? { command: [node, NODE_ENTRY] } : node;
    },
  },
  // The limit to compare with: what a server could cost, where that is a question.
  c: { protocols: ["chat/bracket", "chat/ws", "relay"], program: () => compiled(cMissing(), cPeer) },
} satisfies Record<string, Peer>;

export type PeerLanguage = keyof typeof peers;
export const peerLanguages = Object.keys(peers) as PeerLanguage[];

/** The protocols that the peer of a language speaks. */
export const peerProtocols = (language: PeerLanguage): readonly string[] => peers[language].protocols;

/** How the peer of a language is started, its protocol and flags still to be appended; or why it cannot be here. */
export const peerProgram = async (language: PeerLanguage): Promise<PeerCommand> => peers[language].program();

export async function peerCommand(language: PeerLanguage, protocol: string): Promise<PeerCommand> {
  if (!peerProtocols(language).includes(protocol))
    return { unsupported: `there is no ${language} peer for ${protocol}` };
  if (isExecutable)
    return { unsupported: `the ${language} peer needs sockbench's source tree, or its npm package` };
  const program = await peerProgram(language);
  return "unsupported" in program ? program : { command: [...program.command, protocol] };
}

const compiled = async (missing: string | undefined, build: () => Promise<string>): Promise<PeerCommand> =>
  missing === undefined ? { command: [await build()] } : { unsupported: missing };

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
