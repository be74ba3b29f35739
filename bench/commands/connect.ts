/**
 * `sockbench connect <url>`: what is typed goes to a server, what it says goes to the terminal. One entry of
 * `transports` a URL scheme.
 */
import { type Command, InvalidArgumentError } from "commander";
import { type DialHandlers, dial, trustHint } from "../../clients/dial.ts";
import { readTrust, type TlsTrust, tlsOptions } from "../../clients/endpoint.ts";
import { resolveProtocol } from "../../clients/protocol-file.ts";
import { exitCodes, Failure } from "../../platform/failure.ts";
import { printable, printableLines } from "../../platform/printable.ts";
import { udpPlace } from "../../platform/udp-source.ts";
import { NEWLINE } from "../../protocols/lines.ts";
import { memberBy } from "./connect-member.ts";
import { byLines, type Link, type LinkOptions, targetOf, unreachable } from "./link.ts";

const DEFAULT_WAIT_SECONDS = 2;
/** Input is not read further while so much waits. */
const MAX_UNSENT_BYTES = 1024 * 1024;

type Opener = (url: string, options: LinkOptions) => Promise<Link>;

const reasonOf = (error: unknown) => (error instanceof Error ? error.message : String(error));

/** A byte stream: the input's bytes as they are. */
const stream: Opener = async (url, { trust, output }) => {
  const { promise: closed, resolve } = Promise.withResolvers<string | undefined>();
  let drained = Promise.withResolvers<void>();
  const handlers: DialHandlers = {
    data: (_, chunk) => output(chunk),
    drain: () => drained.resolve(),
    end(socket) {
      socket.shutdown();
      resolve(undefined);
    },
    close(_, error) {
      drained.resolve();
      resolve(error ? reasonOf(error) : undefined);
    },
    error: (_, error) => resolve(reasonOf(error)),
  };
  const target = targetOf(url, trust);
  const socket = await dial(target, handlers, { allowHalfOpen: true }).catch((error: unknown) => {
    throw unreachable(url, error);
  });
  return {
    closed,
    close: () => void socket.terminate(),
    finish: () => void socket.shutdown(),
    async send(chunk) {
      for (let rest = chunk; rest.length > 0; ) {
        drained = Promise.withResolvers();
        const taken = socket.write(rest);
        if (taken < 0) return;
        rest = rest.subarray(taken);
        if (rest.length > 0) await drained.promise;
      }
    },
  };
};

/** A datagram a line, both ways. */
const datagrams: Opener = async (url, { output }) => {
  const { hostname, port } = targetOf(url);
  const { promise: closed, reject } = Promise.withResolvers<string | undefined>();
  const refuse = (why: unknown) => reject(unreachable(url, why));
  try {
    const { local, peer } = await udpPlace(hostname, port);
    const socket = await Bun.udpSocket({
      hostname: local,
      port: 0,
      connect: { hostname: peer, port },
      socket: {
        data: (_socket, payload) => output(Buffer.concat([payload, Buffer.of(NEWLINE)])),
        // Bun 1.4.5 gives the error alone, whatever its type says.
        error: (error: unknown) => refuse(error),
      },
    });
    const lines = byLines((line) => {
      try {
        socket.send(line);
      } catch (error) {
        refuse(error);
      }
    });
    return { closed, close: () => socket.close(), finish: () => void lines.last(), send: lines.send };
  } catch (error) {
    throw unreachable(url, error);
  }
};

/** A text message a line, both ways; a message that ends with a newline gets no second one. */
const messages: Opener = async (url, { trust, output }) => {
  if (!URL.canParse(url))
    throw new Failure(exitCodes.usage, `${url} is no address: write ws://host:port/path`);
  const { promise: closed, resolve } = Promise.withResolvers<string | undefined>();
  const opened = Promise.withResolvers<void>();
  const socket = new WebSocket(url, { tls: tlsOptions(trust) } as never);
  socket.binaryType = "nodebuffer";
  socket.onopen = () => opened.resolve();
  socket.onmessage = ({ data }: { data: string | Buffer }) => {
    const text = typeof data === "string" ? data : `binary ${data.toString("hex")}`;
    output(text.endsWith("\n") ? text : `${text}\n`);
  };
  let failure = "";
  socket.onerror = (event) => {
    failure = (event as ErrorEvent).message ?? "";
  };
  socket.onclose = ({ code, reason }) => {
    // Bun 1.4.5 gives no code here; its words name the url, as ours do.
    const why =
      failure.replace(/^WebSocket connection to '.*' failed: /, "") || `${code}${reason ? ` ${reason}` : ""}`;
    opened.reject(unreachable(url, /certificate/.test(why) ? `${why}; ${trustHint}` : why));
    resolve(code === 1000 ? undefined : why);
  };
  await opened.promise;
  const lines = byLines(async (line) => {
    socket.send(line.toString());
    while (socket.bufferedAmount > MAX_UNSENT_BYTES && socket.readyState === WebSocket.OPEN)
      await Bun.sleep(5);
  });
  return {
    closed,
    close: () => socket.close(1000),
    finish: () => void lines.last(),
    send: lines.send,
  };
};

const transports: Record<string, Opener> = {
  tcp: stream,
  tls: stream,
  unix: stream,
  udp: datagrams,
  ws: messages,
  wss: messages,
};

type Options = TlsTrust & { wait: number; protocol?: string; topic?: string };

function waitSeconds(text: string): number {
  if (!/^\d+(\.\d+)?$/.test(text) || Number(text) > 86_400)
    throw new InvalidArgumentError("It takes seconds, at most 86400.");
  return Number(text);
}

/** Sends all of the standard input; resolves at its end. */
async function sendInput(link: Link): Promise<void> {
  for await (const chunk of Bun.stdin.stream()) await link.send(chunk);
  link.finish();
}

/** What a peer says as a terminal may have it: a pipe gets the bytes as they are. */
export function onTerminal(bytes: Uint8Array | string, decoder: TextDecoder): string {
  const text = typeof bytes === "string" ? bytes : decoder.decode(bytes, { stream: true });
  return text.split("\t").map(printableLines).join("\t");
}

async function connect(url: string, options: Options): Promise<void> {
  const [scheme] = url.split(":");
  const open = transports[scheme];
  if (!open || !url.includes("://"))
    throw new Failure(
      exitCodes.usage,
      `${url} is no address: it begins with ${Object.keys(transports).join("://, ")}://`,
    );
  const trust = readTrust(options, { tls: scheme === "tls" || scheme === "wss" });
  const out = Bun.stdout.writer();
  const decoder = new TextDecoder();
  const output = (bytes: Uint8Array | string) => {
    out.write(process.stdout.isTTY ? onTerminal(bytes, decoder) : bytes);
    // Whoever reads our output may have gone; then there is nobody left to tell.
    Promise.resolve(out.flush()).catch(() => process.exit(exitCodes.ok));
  };
  const { protocol, topic = "sockbench" } = options;
  if (protocol === undefined && options.topic !== undefined)
    throw new Failure(exitCodes.usage, `--topic ${topic} needs --protocol`);
  const opener = protocol === undefined ? open : memberBy(await resolveProtocol(protocol), topic);
  const link = await opener(url, { trust, output });
  const inputEnd = sendInput(link).then(() => Bun.sleep(options.wait * 1000).then(() => "waited" as const));
  const end = await Promise.race([link.closed, inputEnd]);
  const why = end === undefined || end === "" ? "" : `: ${printable(end)}`;
  if (end !== "waited" && (process.stdin.isTTY || why)) console.error(`closed by ${url}${why}`);
  link.close();
  await out.flush();
}

export function addConnectCommand(program: Command): void {
  program
    .command("connect <url>")
    .description("talk to a server by hand: tcp://, tls://, unix://, udp://, ws://, wss://")
    .option(
      "--wait <seconds>",
      "after the end of the input, wait so long for what comes",
      waitSeconds,
      DEFAULT_WAIT_SECONDS,
    )
    .option("--protocol <name|file>", "join as a member of it: a line is a message, and what comes a line")
    .option("--topic <name>", "with --protocol: the room (default: sockbench)")
    .option("--insecure", "take any certificate")
    .option("--ca <file>", "who may sign the certificate (PEM), instead of the known authorities")
    .addHelpText(
      "after",
      "\nTCP, TLS and Unix sockets carry the input's bytes as they are; udp:// and ws:// a datagram or text message a\nline. Ctrl+D ends the input, Ctrl+C the program.",
    )
    .action(async (url: string, options: Options) => {
      await connect(url, options);
      process.exit(exitCodes.ok); // standard input may still be open
    });
}
