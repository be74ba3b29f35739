/**
 * All mutants: what is wrong with each, how it is started, and exactly the cases that it makes fail. Every one is
 * a program with the flags of the reference servers: `bun servers/mutants/relay.ts --fault truncates --port 0`.
 */
import type { ServerSpec } from "../standalone.ts";
import { chatFaults, chatMutant } from "./chat.ts";
import { chatWsFaults, chatWsMutant } from "./chat-ws.ts";
import { echoFaults, echoMutant } from "./echo.ts";
import { fileFaults, fileMutant } from "./file.ts";
import { proofs } from "./proofs.ts";
import { relayFaults, relayMutant } from "./relay.ts";
import { sumTcpFaults, sumTcpMutant } from "./sum-tcp.ts";
import { sumUdpFaults, sumUdpMutant } from "./sum-udp.ts";
import { sumWsFaults, sumWsMutant } from "./sum-ws.ts";
import { websocketFaults, websocketMutant } from "./websocket.ts";

export type Mutant = {
  /** `chat-bracket: splits`. */
  name: string;
  /** The first part of the ids of its protocol's cases. */
  protocol: string;
  /** What is wrong, in a sentence. */
  fault: string;
  /** The program in this folder, and its flags. */
  file: string;
  flags: readonly string[];
  spec: ServerSpec;
  /** The ids of the cases that it makes fail, and no others. */
  fails: readonly string[];
  /**
   * It has to be a process of its own, and is asked those cases alone: it ends, spins, reads its standard input, or
   * ends connections after a time that other cases may take on a busy machine.
   */
  process?: true;
};

type Family = { file: string; spec: ServerSpec; faults: Record<string, string>; flags?: readonly string[] };

const chat = (dialect: string): Family => ({
  file: "chat.ts",
  spec: chatMutant,
  faults: chatFaults,
  flags: ["--dialect", dialect],
});
const chatWs: Family = { file: "chat-ws.ts", spec: chatWsMutant, faults: chatWsFaults };

const families: Record<string, Family> = {
  "chat-bracket": chat("chat/bracket"),
  "chat-welcome": chat("chat/welcome"),
  "chat-stamped": chat("chat/stamped"),
  "chat-json": chat("chat/json"),
  relay: { file: "relay.ts", spec: relayMutant, faults: relayFaults },
  "chat-ws": chatWs,
  hub: chatWs,
  "sum-tcp": { file: "sum-tcp.ts", spec: sumTcpMutant, faults: sumTcpFaults },
  "sum-udp": { file: "sum-udp.ts", spec: sumUdpMutant, faults: sumUdpFaults },
  "sum-ws": { file: "sum-ws.ts", spec: sumWsMutant, faults: sumWsFaults },
  echo: { file: "echo.ts", spec: echoMutant, faults: echoFaults },
  file: { file: "file.ts", spec: fileMutant, faults: fileFaults },
  rfc6455: { file: "websocket.ts", spec: websocketMutant, faults: websocketFaults },
};

function mutant(protocol: string, fault: string, numbers: string): Mutant {
  const { file, spec, faults, flags = [] } = families[protocol];
  return {
    name: `${protocol}: ${fault}`,
    protocol,
    fault: faults[fault],
    file,
    flags: [...flags, "--fault", fault],
    spec,
    fails: numbers.split(" ").map((number) => `${protocol}/${number}`),
  };
}

/** Those that a test can have in its own process. */
const inProcess = Object.entries(proofs).flatMap(([protocol, rows]) =>
  Object.entries(rows).map(([fault, numbers]) => mutant(protocol, fault, numbers)),
);

const chats = ["chat-bracket", "chat-welcome", "chat-stamped", "chat-json"];

const processes = [
  ...chats.flatMap((chat) => [
    mutant(chat, "half-a-second", "6.1 6.2"),
    mutant(chat, "idle-limit", "6.1"),
    mutant(chat, "backtracks", "6.4"),
  ]),
  mutant("chat-ws", "half-a-second", "4.1 4.2"),
  mutant("chat-ws", "idle-limit", "4.2"),
  mutant("chat-ws", "backtracks", "4.3"),
  mutant("rfc6455", "backtracks", "1.29"),
  mutant("sum-tcp", "half-a-second", "4.3"),
  mutant("sum-ws", "half-a-second", "4.4"),
  mutant("echo", "half-a-second", "2.1"),
  mutant("file", "half-a-second", "3.4"),
  mutant("chat-bracket", "console-off", "5.7"),
  mutant("chat-bracket", "console-busy", "5.8"),
  mutant("chat-bracket", "console-stops", "5.8"),
  mutant("relay", "busy", "3.6"),
].map((one): Mutant => ({ ...one, process: true }));

export const mutants: readonly Mutant[] = [...inProcess, ...processes];

/** The cases that some mutant makes fail; the others are unproven. */
export const provenCases = (): Set<string> => new Set(mutants.flatMap(({ fails }) => fails));
