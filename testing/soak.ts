#!/usr/bin/env bun
/**
 * `bun run soak`: every server for some minutes, side by side, with clients that check every byte, and beside them
 * connections that come and go, that do not read, and that send garbage. It finds what no test has the time for:
 * a timer of two minutes, memory that grows a little with each connection, a descriptor that is not closed.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command, InvalidArgumentError } from "commander";
import { printable } from "../platform/printable.ts";
import { memory, openFilesOf } from "../platform/proc.ts";
import type { Dialect } from "../protocols/chat.ts";
import { writeName } from "../protocols/file.ts";
import { allProtocols } from "../protocols/index.ts";
import { encodeFrame, FIN, handshakeRequest, opcodes } from "../protocols/websocket.ts";
import { serverNames, servers } from "../servers/index.ts";
import { type Program, startProgram } from "../servers/testing.ts";
import { disturbDatagrams, disturbStream, type Manners } from "./soak/disturb.ts";
import { soakFiles } from "./soak/files.ts";
import { questions, soakRequests } from "./soak/requests.ts";
import { soakRoom } from "./soak/room.ts";
import { createTally, fault, type Going, settled, type Tally } from "./soak/tally.ts";

/** Longer than any timer that a connection could die of: Bun's is 120 s. */
const DEFAULT_MINUTES = 2.5;
const LOOK_MS = 1000;
const REPORT_MS = 30_000;
/** More memory than this, and by this factor, in the last quarter of the time than in the second is growth. */
const GROWTH_BYTES = 24 * 1_048_576;
const GROWTH_FACTOR = 1.5;

const text = (words: string): Manners => ({ hello: new Uint8Array(0), unit: Buffer.from(words) });
const webSocket = (path: string, message: string | Uint8Array): Manners => ({
  hello: Buffer.from(handshakeRequest("localhost", path, "c29ja2JlbmNoLXRlc3QtMQ==")),
  unit: encodeFrame(FIN | opcodes.text, message, 0x0a0b0c0d),
});
const request = '{"A":1,"B":2}';
/** What a stalled peer has the server answer, often enough that the replies fill its buffers. */
const many = (words: string) => words.repeat(500);

const WORDS = "from the one who does not read";
const inRoom = ({ say }: Dialect): Manners => text(`${say.prefix(1_700_000_000)}${WORDS}${say.suffix}`);

/** Of all stream servers. */
const manners: Record<string, Manners> = {
  ...Object.fromEntries(
    allProtocols().flatMap(({ name, dialect }) => (dialect ? [[name, inRoom(dialect)]] : [])),
  ),
  "chat/ws": webSocket("/ws", WORDS),
  hub: webSocket("/ws", WORDS),
  "sum/tcp": text(many(request)),
  "sum/ws": webSocket("/echo", "x".repeat(60_000)),
  echo: text(many("ping\n")),
  file: { hello: writeName("stalled"), unit: Buffer.from("x") },
};

type Soaked = {
  name: string;
  program: Program;
  tally: Tally;
  going: Going[];
  files: { start: number; end: number };
  /** Resident bytes, second by second. */
  memory: number[];
};

/** Who behaves and checks, for each server. */
function verify(name: string, url: string, dir: string, tally: Tally): Promise<Going> {
  if (name === "file") return soakFiles(url, dir, tally);

  if (name in questions) return soakRequests(questions[name as keyof typeof questions], url, tally);
  return soakRoom(servers[name].protocol.name, url, tally);
}

async function start(name: string, dir: string): Promise<Soaked> {
  const { file, flags } = servers[name];
  const program = await startProgram(file, [...flags, ...(name === "file" ? ["--dir", dir] : [])]);
  const { pid } = program.child;
  const tally = createTally();
  // Unread, it would fill up, and the server would wait for us.
  (async () => {
    for await (const line of program.child.stderr)
      fault(tally, `it said ${printable(Buffer.from(line).toString().trim())}`);
  })();
  const files = { start: openFilesOf(pid)?.open ?? 0, end: 0 };
  const url = program.listening;
  const going = [
    await verify(name, url, dir, tally),
    name === "relay" || name === "sum/udp"
      ? await disturbDatagrams(url, Buffer.from(request), tally)
      : disturbStream(url, manners[name], tally),
  ];
  return { name, program, tally, going, files, memory: [] };
}

function look(soaked: Soaked[]): void {
  for (const { program, memory: seen, tally } of soaked) {
    seen.push(memory(program.child.pid)?.now ?? 0);
    if (program.child.exitCode !== null) fault(tally, `the server ended with code ${program.child.exitCode}`);
  }
}

/** Stops the clients, looks what the server has left of them, and stops it. */
async function finish({ going, program, files, tally }: Soaked): Promise<void> {
  const { pid } = program.child;
  const [verifying, disturbing] = going;
  await disturbing.stop();
  await verifying.stop();
  // A connection that was ended in order may linger for 5 s.
  await settled(() => (openFilesOf(pid)?.open ?? 0) <= files.start);
  files.end = openFilesOf(pid)?.open ?? 0;
  await program.stop();
  if (files.end > files.start)
    fault(tally, `${files.end - files.start} files more are open than at the start`);
}

const median = (values: number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
const megabytes = (bytes: number): string => `${(bytes / 1_048_576).toFixed(0)} MiB`;

/** The second quarter of the time and the last one: the first is for what is needed once. */
function growth({ memory: seen, tally }: Soaked): { early: number; late: number } {
  const quarter = Math.floor(seen.length / 4);
  const early = median(seen.slice(quarter, 2 * quarter));
  const late = median(seen.slice(-quarter));
  if (late > early * GROWTH_FACTOR && late > early + GROWTH_BYTES)
    fault(tally, `memory grew from ${megabytes(early)} to ${megabytes(late)}`);
  return { early, late };
}

const HEADS = [
  "server",
  "verified",
  "missing",
  "faults",
  "churned",
  "stalled",
  "fuzzed",
  "memory",
  "peak",
  "files",
];

function row(soaked: Soaked): string[] {
  const { name, tally, files, memory: seen } = soaked;
  const { early, late } = growth(soaked);
  const counts = [tally.verified, tally.missing, tally.faults, tally.churned, tally.stalled, tally.fuzzed];
  return [
    name,
    ...counts.map(String),
    `${megabytes(early)} → ${megabytes(late)}`,
    megabytes(Math.max(...seen)),
    `${files.start} → ${files.end}`,
  ];
}

function print(rows: string[][]): void {
  const widths = HEADS.map((_, i) => Math.max(...rows.map((cells) => cells[i].length)));
  for (const cells of rows)
    console.log(
      cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join("  "),
    );
}

function minutes(value: string): number {
  const number = Number(value);
  if (!(number > 0 && number <= 24 * 60))
    throw new InvalidArgumentError("It takes minutes, above 0 and at most 1440.");
  return number;
}

const options = new Command("soak")
  .description("every server for some minutes beside clients that check every byte and others that disturb")
  .option("--minutes <number>", "how long", minutes, DEFAULT_MINUTES)
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
  .parse()
  .opts<{ minutes: number }>();

const dir = mkdtempSync(join(tmpdir(), "soak-"));
const soaked = await Promise.all(serverNames.map((name) => start(name, dir)));
const end = performance.now() + options.minutes * 60_000;
for (let next = performance.now() + REPORT_MS; performance.now() < end; await Bun.sleep(LOOK_MS)) {
  look(soaked);
  if (performance.now() < next) continue;
  next += REPORT_MS;
  const sums = (key: "verified" | "missing" | "faults") =>
    soaked.reduce((sum, { tally }) => sum + tally[key], 0);
  const left = ((end - performance.now()) / 60_000).toFixed(1);
  console.error(
    `${sums("verified")} verified, ${sums("missing")} missing, ${sums("faults")} faults; ${left} min left`,
  );
}
await Promise.all(soaked.map(finish));
rmSync(dir, { recursive: true });
print([HEADS, ...soaked.map(row)]);
for (const { name, tally } of soaked)
  for (const witness of tally.witnesses) console.log(`${name}: ${witness}`);
for (const { name, program } of soaked) {
  const { counters } = JSON.parse((await program.last()) || "{}");
  console.log(`${name} says itself: ${JSON.stringify(counters)}`);
}
process.exit(soaked.some(({ tally }) => tally.missing + tally.faults > 0) ? 1 : 0);
