/**
 * All mutants: what is wrong with each, how it is started, and exactly the cases that it makes fail. Every one is
 * a program with the flags of the reference servers: `bun servers/mutants/relay.ts --fault truncates --port 0`.
 */
import type { ServerSpec } from "../standalone.ts";
import { chatMutant } from "./chat.ts";
import { chatFaults } from "./chat-faults.ts";
import { chatWsMutant } from "./chat-ws.ts";
import { chatWsFaults } from "./chat-ws-faults.ts";
import { echoFaults, echoMutant } from "./echo.ts";
import type { FaultSheet } from "./fault.ts";
import { fileFaults, fileMutant } from "./file.ts";
import { lettersMutant } from "./letters.ts";
import { lettersFaults } from "./letters-faults.ts";
import { relayMutant } from "./relay.ts";
import { relayFaults } from "./relay-faults.ts";
import { sumTcpFaults, sumTcpMutant } from "./sum-tcp.ts";
import { sumUdpFaults, sumUdpMutant } from "./sum-udp.ts";
import { sumWsFaults, sumWsMutant } from "./sum-ws.ts";
import { websocketMutant } from "./websocket.ts";
import { websocketFaults } from "./websocket-faults.ts";

export type Mutant = Pick<FaultSheet, "process"> & {
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
};

type Family = {
  file: string;
  spec: ServerSpec;
  faults: Readonly<Record<string, FaultSheet>>;
  flags?: readonly string[];
};

const chat = (dialect: string): Family => ({
  file: "chat.ts",
  spec: chatMutant,
  faults: chatFaults,
  flags: ["--dialect", dialect],
});
const chatWs: Family = { file: "chat-ws.ts", spec: chatWsMutant, faults: chatWsFaults };

/** By the first part of the ids of their cases. */
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

/** The cases that follow from a definition, by the protocols of their proofs. */
const generic: Record<string, Family> = {
  letters: { file: "letters.ts", spec: lettersMutant, faults: lettersFaults },
  frames: {
    file: "websocket.ts",
    spec: websocketMutant,
    faults: {
      "no-fragments": { ...websocketFaults["no-fragments"], fails: "6.1" },
      "last-fragment": { ...websocketFaults["last-fragment"], fails: "6.1" },
      "pings-are-text": { ...websocketFaults["pings-are-text"], fails: "6.1" },
    },
  },
};

/** `1.1-3 2.4` to 1.1, 1.2, 1.3 and 2.4. */
const numbersOf = (list: string): string[] =>
  list.split(" ").flatMap((range) => {
    const [, section, first, last = first] = /^(\d+)\.(\d+)(?:-(\d+))?$/.exec(range)!;
    return Array.from(
      { length: Number(last) - Number(first) + 1 },
      (_, i) => `${section}.${Number(first) + i}`,
    );
  });

function mutantsOf(protocol: string, { file, spec, faults, flags = [] }: Family): Mutant[] {
  return Object.entries(faults).flatMap(([name, { words, fails, process }]) => {
    const numbers = typeof fails === "string" ? fails : fails?.[protocol];
    if (numbers === undefined) return [];
    return {
      name: `${protocol}: ${name}`,
      protocol,
      fault: words,
      file,
      flags: [...flags, "--fault", name],
      spec,
      fails: numbersOf(numbers).map((number) => `${protocol}/${number}`),
      ...(process ? { process } : {}),
    };
  });
}

export const mutants: readonly Mutant[] = Object.entries({ ...families, ...generic }).flatMap(
  ([protocol, family]) => mutantsOf(protocol, family),
);

/** The cases that some mutant makes fail; the others are unproven. */
export const provenCases = (): Set<string> => new Set(mutants.flatMap(({ fails }) => fails));

/** Numbers of those that follow from a definition, whatever the protocol. */
export const provenNumbers = (): Set<string> =>
  new Set(
    mutants
      .filter(({ protocol }) => protocol in generic)
      .flatMap(({ fails }) => fails.map((id) => id.split("/")[1])),
  );
