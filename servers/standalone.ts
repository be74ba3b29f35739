/**
 * What every server program shares when it is started by itself: flags, the one line that says where it
 * listens, and a clean stop on SIGTERM and SIGINT. A server file holds the protocol and nothing of this.
 */
import { Command, InvalidArgumentError } from "commander";

/** A server that listens. */
export type Running = {
  /** Where, in the form that `--target` takes: `tcp://127.0.0.1:8080`. */
  url: string;
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

/** Parsed flags: host and port, and whatever the server's own `options` declare. */
export type ServerOptions = { host: string; port: number; json?: boolean } & Record<string, unknown>;

export type ServerSpec = {
  summary: string;
  protocol: (options: Record<string, unknown>) => string;
  /** The well-known port. */
  port: (options: Record<string, unknown>) => number;
  /** Declares the flags that only this server has. */
  options?: (program: Command) => Command;
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

const LISTEN_ERRORS: Record<string, string> = {
  EADDRINUSE: "the port is in use; choose another, or 0 for any free one",
  EADDRNOTAVAIL: "this machine has no such address",
  EACCES: "ports below 1024 need the right to bind them",
};

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = "code" in error ? String(error.code) : "";
  return LISTEN_ERRORS[code] ?? error.message;
}

/** Runs a server program: parses `argv` (without program names), starts, prints its line, stops on a signal. */
export async function standalone(spec: ServerSpec, argv: string[] = Bun.argv.slice(2)): Promise<void> {
  const program = new Command(Bun.argv[1]?.split("/").pop())
    .description(spec.summary)
    .option("--port <number>", "port to listen on, 0 for any free one", wholeNumber(0, 65_535))
    .option("--host <address>", "address to listen on", "127.0.0.1")
    .option("--json", "print where it listens as JSON")
    .allowExcessArguments(false)
    .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2));
  spec.options?.(program);
  const options = program.parse(argv, { from: "user" }).opts<ServerOptions>();
  options.port ??= spec.port(options);
  const protocol = spec.protocol(options);
  let running: Running;
  try {
    running = await spec.start(options);
  } catch (error) {
    console.error(
      `error: ${protocol} cannot listen on ${options.host} port ${options.port}: ${reasonOf(error)}`,
    );
    process.exit(1);
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
  console.log(
    options.json
      ? JSON.stringify({ listening: running.url, protocol, pid: process.pid })
      : `${protocol} listening on ${running.url}`,
  );
}
