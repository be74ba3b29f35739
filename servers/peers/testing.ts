// What the tests of the peers share: the same tests for each language, and a peer as a child process.

import { describe, test } from "bun:test";
import type { Subprocess } from "bun";
import { type PeerLanguage, peerCommand, peerLanguages } from "./index.ts";
import { type TcpClient, within } from "./testing-clients.ts";

const TEST_MS = 30_000; // above all bounded waits of one test, so that those say what they waited for

type It = (title: string, run: () => Promise<void>) => void;

/** The same tests for each language; where it is not installed they are skipped, and their title says why. */
export async function forEachPeer(tests: (language: PeerLanguage, it: It) => void): Promise<void> {
  for (const language of peerLanguages) {
    const found = await peerCommand(language, "echo");
    const missing = "unsupported" in found ? found.unsupported : undefined;
    const it: It = (title, run) => test.skipIf(missing !== undefined)(title, run, TEST_MS);
    describe(missing === undefined ? language : `${language}, unsupported: ${missing}`, () =>
      tests(language, it),
    );
  }
}

export interface Peer extends AsyncDisposable {
  /** Where it said that it listens. */
  url: string;
  port: number;
  announced: unknown;
  process: Subprocess<"pipe", "pipe", "pipe">;
  /** Sends a signal and gives the exit code. */
  stop(signal?: "SIGTERM" | "SIGINT"): Promise<number>;
}

export async function spawnPeer(language: PeerLanguage, protocol: string, flags: string[]) {
  const peer = await peerCommand(language, protocol);
  if ("unsupported" in peer) throw new Error(peer.unsupported);
  return Bun.spawn([...peer.command, ...flags], { stdin: "pipe", stdout: "pipe", stderr: "pipe" });
}

export async function startPeer(
  language: PeerLanguage,
  protocol: string,
  flags: string[] = [],
): Promise<Peer> {
  const child = await spawnPeer(language, protocol, ["--port", "0", "--json", ...flags]);
  try {
    const announced = JSON.parse(await within("the listening line", firstLine(child.stdout)));
    const url = String(announced.listening);
    return {
      url,
      port: Number(new URL(url.replace(/^\w+:/, "http:")).port),
      announced,
      process: child,
      stop: (signal = "SIGTERM") => {
        child.kill(signal);
        return within(`the exit after ${signal}`, child.exited);
      },
      [Symbol.asyncDispose]: () => kill(child),
    };
  } catch (error) {
    await kill(child);
    throw error;
  }
}

async function kill(child: Subprocess<"pipe", "pipe", "pipe">): Promise<void> {
  child.kill("SIGKILL");
  await child.exited;
}

async function firstLine(stream: ReadableStream<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  const reader = stream.getReader();
  for (let text = ""; ; ) {
    const { value, done } = await reader.read();
    text += decoder.decode(value, { stream: true });
    const end = text.indexOf("\n");
    if (end >= 0) return text.slice(0, end);
    if (done) throw new Error(`it ended before it listened: ${JSON.stringify(text)}`);
  }
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
