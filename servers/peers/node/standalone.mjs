// What every protocol shares when it is started by hand: flags, listening, the line that says where, and a clean stop.

/**
 * @typedef {object} Protocol
 * @property {"tcp" | "udp" | "ws"} scheme of the announced URL
 * @property {number} port the well-known port
 * @property {string} [path] of the announced URL
 * @property {Record<string, Flag>} [flags] the protocol's own
 * @property {(options: Record<string, any>) => { server: import("node:net").Server | import("node:dgram").Socket,
 *   stop?: () => unknown }} create makes the server; it is not listening yet
 *
 * @typedef {object} Flag
 * @property {any} value when the flag is not given
 * @property {(text: string, before: any) => any} [parse] throws a message that ends "--flag value: ..."; a flag without
 *   it is a switch
 */

const STOP_GRACE_MS = 2_000;
const BACKLOG = 4_096; // a thousand may join at once

const commonFlags = (port) => ({
  port: { value: port, parse: wholeNumber(0, 65_535, "not a port, 0 to 65535") },
  host: { value: "127.0.0.1", parse: (text) => text },
  json: { value: false },
});

/** Starts a protocol and stays until a signal stops it. */
export function standalone(name, protocol, args) {
  const flags = { ...commonFlags(protocol.port), ...protocol.flags };
  if (args.includes("--help") || args.includes("-h")) {
    console.log(`${name} ${describe(flags)}`);
    return;
  }
  const options = parseFlags(name, flags, args);
  const { server, stop } = protocol.create(options);

  server.once("error", (error) => {
    const place = `port ${options.port} of ${options.host}`;
    const why =
      error.code === "EADDRINUSE"
        ? `${place} is already in use`
        : `cannot listen on ${place}: ${error.message}`;
    process.stderr.write(`${name}: ${why}\n`);
    process.exit(3);
  });
  server.once("listening", () => {
    server.removeAllListeners("error");
    server.on("error", () => {}); // out of descriptors, or an ICMP error: a server does not end for it
    for (const signal of ["SIGTERM", "SIGINT"]) {
      process.on(signal, () => end(stop));
    }
    announce(name, protocol, server.address(), options.json);
  });
  if (protocol.scheme === "udp") {
    server.bind({ port: options.port, address: options.host });
  } else {
    server.listen({ port: options.port, host: options.host, backlog: BACKLOG });
  }
}

async function end(stop) {
  setTimeout(() => process.exit(0), STOP_GRACE_MS);
  await stop?.();
  process.exit(0);
}

function announce(name, protocol, { address, port }, asJson) {
  const url = `${protocol.scheme}://${hostPort(address, port)}${protocol.path ?? ""}`;
  const line = asJson
    ? JSON.stringify({ listening: url, protocol: name, pid: process.pid })
    : `${name} listening on ${url}`;
  process.stdout.write(`${line}\n`);
}

/** An address as people write it: 127.0.0.1:80, [::1]:80; an IPv4 address seen by an IPv6 socket stays IPv4. */
export function hostPort(address, port) {
  const host =
    address.startsWith("::ffff:") && address.includes(".") ? address.slice("::ffff:".length) : address;
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

function parseFlags(name, flags, args) {
  const options = Object.fromEntries(Object.entries(flags).map(([key, flag]) => [key, flag.value]));
  for (let i = 0; i < args.length; i++) {
    const [, key, inline] = /^--([a-z-]+)(?:=(.*))?$/s.exec(args[i]) ?? [];
    if (key === undefined) usageError(`${name}: unexpected argument ${JSON.stringify(args[i])}`);
    if (!Object.hasOwn(flags, key)) usageError(`${name}: unknown flag --${key}; it has ${describe(flags)}`);
    const { parse } = flags[key];
    if (parse === undefined) {
      if (inline !== undefined) usageError(`${name}: --${key} ${JSON.stringify(inline)}: takes no value`);
      options[key] = true;
      continue;
    }
    const text = inline ?? args[++i];
    if (text === undefined) usageError(`${name}: --${key}: needs a value`);
    try {
      options[key] = parse(text, options[key]);
    } catch (error) {
      usageError(`${name}: --${key} ${JSON.stringify(text)}: ${error.message}`);
    }
  }
  return options;
}

function describe(flags) {
  return Object.entries(flags)
    .map(([key, { parse, value }]) => `--${key}${parse === undefined ? "" : `=${value}`}`)
    .join(" ");
}

export function wholeNumber(least, most, otherwise) {
  return (text) => {
    const number = Number(text);
    if (!/^\d+$/.test(text) || number < least || number > most) throw new Error(otherwise);
    return number;
  };
}

/** A time in seconds, fractions allowed. */
export function seconds(text) {
  const number = Number(text);
  if (!/^\d*\.?\d+$/.test(text) || !(number > 0) || number > 2_000_000) {
    throw new Error("not a number of seconds above 0");
  }
  return number;
}

export function usageError(message) {
  process.stderr.write(`${message}\n`);
  process.exit(2);
}
