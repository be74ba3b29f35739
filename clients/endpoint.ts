/**
 * The address of a server under test, as flags and plans have it: `tcp://host:port`, `tls://…`, `unix:///path`,
 * `udp://…`, `ws://…/path`, `wss://…`; and which certificates are trusted there.
 */
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { exitCodes, Failure } from "../platform/failure.ts";
import { protocolOf } from "../protocols/index.ts";
import { type Transport, transportNames } from "../protocols/protocol.ts";
import { Unreachable } from "./unreachable.ts";

/**
 * Whose certificates a `tls://` or `wss://` target may have: those of the authorities that Bun knows (Mozilla's), for
 * the name or address by which it is asked, unless one of these is said. Values, so that they travel in plans.
 */
export type TlsTrust = {
  /** Any certificate is taken. */
  insecure?: boolean;
  /** Path of a PEM file: who may sign the certificate, instead of the authorities. */
  ca?: string;
};

export type Endpoint = {
  url: string;
  transport: Transport;
  /** Empty, and the port 0, for a Unix socket. */
  hostname: string;
  port: number;
  tls: boolean;
  /** Path of the Unix socket. */
  unix?: string;
  /** Path of the WebSocket handshake. */
  path: string;
  /** Of the URL, decoded; for protocols that have them. */
  user?: string;
  password?: string;
  trust?: TlsTrust;
};

const SCHEMES: Record<string, Pick<Endpoint, "transport" | "tls">> = {
  "tcp:": { transport: "tcp", tls: false },
  "tls:": { transport: "tcp", tls: true },
  "udp:": { transport: "udp", tls: false },
  "ws:": { transport: "ws", tls: false },
  "wss:": { transport: "ws", tls: true },
};

export const endpointForms =
  "tcp://host:port, tls://host:port, unix:///path, udp://host:port, ws://host:port/path or wss://host:port/path";

/** Reads a target URL; undefined when it is none, or has no port. */
export function parseEndpoint(url: string): Endpoint | undefined {
  const unix = /^unix:\/\/(\/.+)$/.exec(url)?.[1];
  if (unix) return { url, transport: "tcp", hostname: "", port: 0, tls: false, unix, path: "/" };
  if (!URL.canParse(url)) return undefined;
  const scheme = SCHEMES[new URL(url).protocol];
  // Parsed under a scheme without a default port: `ws:` would swallow a written `:80`.
  const { hostname, port, pathname, search, username, password } = new URL(url.replace(/^\w+:/, "tcp:"));
  if (!scheme || !hostname || !port || Number(port) === 0) return undefined;
  return {
    url,
    ...scheme,
    hostname: hostname.replace(/^\[|\]$/g, ""),
    port: Number(port),
    path: `${pathname || "/"}${search}`,
    ...(username ? { user: decode(username) } : {}),
    ...(password ? { password: decode(password) } : {}),
  };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** A target's URL as it may be printed and kept: without its password. */
export const shownUrl = (url: string): string =>
  url.replace(/(\w:\/\/[^:@/\s]{0,256}):[^@/\s]{1,256}@/g, "$1:…@");

/** The target of a plan; one that is none, or that cannot speak the plan's protocol, ends the workload. */
export function plannedEndpoint(plan: { target: string; protocol: string; trust?: TlsTrust }): Endpoint {
  const { target: url, protocol, trust } = plan;
  const endpoint = parseEndpoint(url);
  if (!endpoint) throw new Unreachable(`${url} is no target`);
  const { transport } = protocolOf(protocol);
  if (endpoint.transport !== transport)
    throw new Unreachable(`${url}: ${protocol} is spoken over ${transportNames[transport]}`);
  // What is said of it is printed and kept.
  return { ...endpoint, url: shownUrl(url), ...(trust ? { trust } : {}) };
}

/** From the flags `--insecure` and `--ca <file>`; a usage error where they do not fit each other or the target. */
export function readTrust(
  { insecure, ca }: TlsTrust,
  target: Pick<Endpoint, "tls"> | undefined,
): TlsTrust | undefined {
  const usage = (message: string) => new Failure(exitCodes.usage, message);
  const flag = insecure ? "--insecure" : ca === undefined ? undefined : `--ca ${ca}`;
  if (flag === undefined) return undefined;
  if (insecure && ca !== undefined)
    throw usage(`--ca ${ca} checks a certificate and --insecure takes any: give one of them`);
  if (!target?.tls) throw usage(`${flag} is for a target with tls:// or wss://`);
  if (ca === undefined) return { insecure: true };
  try {
    new X509Certificate(authority(ca));
  } catch (error) {
    const missing = error instanceof Error && "code" in error && error.code === "ENOENT";
    throw usage(`--ca ${ca}: ${missing ? "there is no such file" : "it holds no certificate (PEM)"}`);
  }
  return { ca };
}

const authorities = new Map<string, string>();

/** The text of a PEM file, read once: a fleet connects thousands of times. */
function authority(path: string): string {
  const known = authorities.get(path) ?? readFileSync(path, "utf8");
  authorities.set(path, known);
  return known;
}

/** As Bun takes it, in `tls` of a connection and of a WebSocket. */
export const tlsOptions = ({ insecure = false, ca }: TlsTrust = {}) => ({
  rejectUnauthorized: !insecure,
  ...(ca === undefined ? {} : { ca: authority(ca) }),
});

/** Where `Bun.connect` is to connect to. */
export function placeOf(
  { hostname, port, tls, unix, trust: own }: Endpoint,
  trust: TlsTrust = own ?? {},
): {
  hostname: string;
  port: number;
  unix: string;
  tls?: { rejectUnauthorized: boolean; ca?: string };
} {
  // Bun's types want either a host or a path: of the two just one is there.
  return {
    ...(tls ? { tls: tlsOptions(trust) } : {}),
    ...(unix === undefined ? { hostname, port } : { unix }),
  } as ReturnType<typeof placeOf>;
}
