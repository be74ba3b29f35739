// What the tests of the peers share: the same tests for each language, and a peer as a child process.

import { describe, test } from "bun:test";
import { runToEnd, startListening } from "../testing-programs.ts";
import { type PeerLanguage, peerCommand, peerLanguages, peerProgram, peerProtocols } from "./index.ts";
import { type TcpClient, within } from "./testing-clients.ts";

const TEST_MS = 30_000; // above all bounded waits of one test, so that those say what they waited for

type It = (title: string, run: () => Promise<void>) => void;
/** A group of tests of one protocol, where the language has a peer for it. */
type Speaking = (protocol: string, tests: () => void) => void;

/** The same tests for each language; where it is not installed they are skipped, and their title says why. */
export async function forEachPeer(
  tests: (language: PeerLanguage, it: It, speaking: Speaking) => void,
): Promise<void> {
  for (const language of peerLanguages) {
    const found = await peerProgram(language);
    const missing = "unsupported" in found ? found.unsupported : undefined;
    const it: It = (title, run) => test.skipIf(missing !== undefined)(title, run, TEST_MS);
    const speaking: Speaking = (protocol, tests) => {
      if (peerProtocols(language).includes(protocol)) describe(protocol, tests);
    };
    describe(missing === undefined ? language : `${language}, unsupported: ${missing}`, () =>
      tests(language, it, speaking),
    );
  }
}

export type Peer = Awaited<ReturnType<typeof startPeer>>;

async function commandFor(language: PeerLanguage, protocol: string): Promise<string[]> {
  const peer = await peerCommand(language, protocol);
  if ("unsupported" in peer) throw new Error(peer.unsupported);
  return peer.command;
}

/** Runs a peer to its end: a wrong flag, a port in use. */
export const runPeer = async (language: PeerLanguage, protocol: string, flags: string[]) =>
  runToEnd([...(await commandFor(language, protocol)), ...flags]);

export async function startPeer(language: PeerLanguage, protocol: string, flags: string[] = []) {
  const command = await commandFor(language, protocol);
  const {
    listening: url,
    announced,
    child,
    stop,
  } = await startListening([...[...command, "--port", "0", "--json"], ...flags]);
  return {
    url,
    port: Number(new URL(url.replace(/^\w+:/, "http:")).port),
    announced,
    process: child,
    /** Sends a signal and gives the exit code. */
    stop: (signal: "SIGTERM" | "SIGINT" = "SIGTERM") => within(`the exit after ${signal}`, stop(signal)),
    [Symbol.asyncDispose]: async () => void (await stop("SIGKILL")),
  };
}

/**
 * Waits until all clients are in a room that has an operator's console: a connection that the system has taken may not
 * have been accepted yet, so the console speaks until everyone has heard it.
 */
export async function everyoneIn(peer: Peer, ...clients: TcpClient[]): Promise<void> {
  const speak = (line: string) => {
    peer.process.stdin.write(`${line}\n`);
    peer.process.stdin.flush();
  };
  const speaking = setInterval(() => speak("who is there?"), 5);
  try {
    await Promise.all(clients.map((client) => client.readThrough("who is there?\n")));
  } finally {
    clearInterval(speaking);
  }
  speak("all are in");
  await Promise.all(clients.map((client) => client.readThrough("all are in\n")));
}
