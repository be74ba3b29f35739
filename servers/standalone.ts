/**
 * What every server program shares when it is started by itself: flags, the one line that says where it
 * listens, and a clean stop on SIGTERM and SIGINT. A server file holds the protocol and nothing of this.
 */
import { readFileSync } from "node:fs";
import { Command, InvalidArgumentError } from "commander";
import { exitCodes } from "../platform/failure.ts";

/** Where a server listens: at a TCP or UDP address, or, a stream server, at a Unix socket instead. */
export type Where = {
  host: string;
  port: number;
  unix?: string | undefined;
  tls?: { cert: string; key: string } | undefined;
};

/** A server that listens. */
export type Running = {
  /** Where, in the form that `--target` takes: `tcp://127.0.0.1:8080`. */
  url: string;
  /** The web page that it serves beside, for a person. */
  page?: string;
  stop: () => void | Promise<void>;
  /** What was dropped, refused or evicted: printed when the program stops, so that nothing is hidden. */
  counters?: () => Record<string, number>;
};

/** A time in seconds, fractions allowed, for a flag. */
export function seconds(text: string): number {
  const value = Number(text);
  if (!/^\d+(\.\d+)?$/.test(text) || value <= 0 || value > 86_400)
    throw new InvalidArgumentError("It takes seconds, above 0 and at most 86400.");
  return value;
}

/** Parsed flags: where to listen, and whatever the server's own `options` declare. */
export type ServerOptions = Where & { json?: boolean } & Record<string, unknown>;

export type ServerSpec = {
  summary: string;
  protocol: (options: Record<string, unknown>) => string;
  /** The well-known port. */
  port: (options: Record<string, unknown>) => number;
  /** Declares the flags that only this server has. */
  options?: (program: Command) => Command;
  /** A stream server, TCP or WebSocket: it can listen on a Unix socket, and speak TLS. */
  streams?: boolean;
  start: (options: ServerOptions) => Running | Promise<Running>;
};

/** A whole number of a range, for a flag; anything else is a usage error that names flag and value. */
export function wholeNumber(min: number, max = Number.MAX_SAFE_INTEGER) {
  return (text: string): number => {
    const value = Number(text);
    if (!/^-?\d+$/.test(text) || value < min || value > max)
      throw new InvalidArgumentError(`It takes a whole number from ${min} to ${max}.`);
    return value;
  };
}

export function urlOf(scheme: string, host: string, port: number, path = ""): string {
  return `${scheme}://${host.includes(":") ? `[${host}]` : host}:${port}${path}`;
}

/** The same place, as Bun.listen and Bun.serve take it. */
export function listenOn({ host, port, unix, tls }: Where) {
  return { ...(unix ? { unix } : { hostname: host, port }), ...(tls ? { tls } : {}) } as {
    hostname: string;
    port: number;
    tls?: { cert: string; key: string };
  };
}

/** Where a stream server can be reached: `tcp://`, `tls://`, `ws://`, `wss://`, `unix://` or `ws+unix://`. */
export function listeningUrl(scheme: "tcp" | "ws", { host, unix, tls }: Where, port: number, path = "") {
  if (unix) return scheme === "ws" ? `ws+unix://${unix}:${path}` : `unix://${unix}`;
  const secured = { tcp: "tls", ws: "wss" } as const;
  return urlOf(tls ? secured[scheme] : scheme, host, port, path);
}

/** The flags of stream servers. */
function addStreamOptions(program: Command): void {
  program
    .option("--unix <path>", "listen on this Unix socket instead of host and port")
    .option("--tls-cert <file>", "speak TLS with this certificate chain (PEM)")
    .option("--tls-key <file>", "and its private key (PEM)");
}

function readTls(options: Record<string, unknown>): Where["tls"] {
  const { tlsCert, tlsKey } = options;
  if (tlsCert === undefined && tlsKey === undefined) return undefined;
  if (tlsCert === undefined) throw new Error(`--tls-key ${tlsKey} needs --tls-cert beside it`);
  if (tlsKey === undefined) throw new Error(`--tls-cert ${tlsCert} needs --tls-key beside it`);
  return { cert: readPem("--tls-cert", String(tlsCert)), key: readPem("--tls-key", String(tlsKey)) };
}

function readPem(flag: string, path: string): string {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    throw new Error(`${flag} ${path} cannot be read`);
  }
  if (!text.includes("-----BEGIN ")) throw new Error(`${flag} ${path} holds no PEM block`);
  return text;
}

const LISTEN_ERRORS: Record<string, string> = {
  EADDRINUSE: "the address is in use; choose another, or --port 0 for any free one",
  EADDRNOTAVAIL: "this machine has no such address",
  EACCES: "ports below 1024 need the right to bind them",
};

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = "code" in error ? String(error.code) : "";
  return LISTEN_ERRORS[code] ?? error.message;
}

/** Runs a server program: parses `argv` (without program names), starts, prints its line, stops on a signal. */
export async function standalone(
  spec: ServerSpec,
  argv: string[] = Bun.argv.slice(2),
  name = Bun.argv[1]?.split("/").pop(),
): Promise<void> {
  const program = new Command(name)
    .description(spec.summary)
    .option("--port <number>", "port to listen on, 0 for any free one", wholeNumber(0, 65_535))
    .option("--host <address>", "address to listen on", "127.0.0.1")
    .option("--json", "print where it listens as JSON")
    .allowExcessArguments(false)
    .showSuggestionAfterError(false)
    .exitOverride((error) => process.exit(error.exitCode === 0 ? exitCodes.ok : exitCodes.usage));
  if (spec.streams) addStreamOptions(program);
  spec.options?.(program);
  const options = program.parse(argv, { from: "user" }).opts<ServerOptions>();
  options.port ??= spec.port(options);
  try {
    options.tls = readTls(options);
  } catch (error) {
    console.error(`error: ${reasonOf(error)}`);
    process.exit(exitCodes.usage);
  }
  const protocol = spec.protocol(options);
  let running: Running;
  try {
    running = await spec.start(options);
  } catch (error) {
    const place = options.unix ?? `${options.host} port ${options.port}`;
    console.error(`error: ${protocol} cannot listen on ${place}: ${reasonOf(error)}`);
    process.exit(exitCodes.unreachable);
  }
  const stop = async () => {
    const counters = Object.entries(running.counters?.() ?? {}).filter(([, count]) => count > 0);
    await running.stop();
    if (options.json)
      console.log(JSON.stringify({ stopped: running.url, counters: Object.fromEntries(counters) }));
    else for (const [name, count] of counters) console.log(`${name}: ${count}`);
    process.exit(0);
  };
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
  if (options.json) stopWithParent(stop);
  console.log(
    options.json
      ? JSON.stringify({ listening: running.url, protocol, pid: process.pid })
      : `${protocol} listening on ${running.url}${running.page ? `, its page at ${running.page}` : ""}`,
  );
}

const PARENT_LOOK_MS = 1000;

/** A program that reads JSON lines has started this one: when it is killed, nobody would ever stop us. */
export function stopWithParent(stop: () => void): void {
  const parent = process.ppid;
  setInterval(() => {
    if (process.ppid !== parent) stop();
  }, PARENT_LOOK_MS).unref();
}
