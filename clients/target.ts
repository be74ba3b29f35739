/**
 * The address of a server under test, as flags and plans have it: `tcp://host:port`, `tls://…`, `unix:///path`,
 * `udp://…`, `ws://…/path`, `wss://…`. Certificates are not verified: what is judged are messages, not names.
 */
import { Unreachable } from "./unreachable.ts";

export type Target = {
  url: string;
  transport: "tcp" | "udp" | "ws";
  /** Empty, and the port 0, for a Unix socket. */
  hostname: string;
  port: number;
  tls: boolean;
  /** Path of the Unix socket. */
  unix?: string;
  /** Path of the WebSocket handshake. */
  path: string;
};

const SCHEMES: Record<string, Pick<Target, "transport" | "tls">> = {
  "tcp:": { transport: "tcp", tls: false },
  "tls:": { transport: "tcp", tls: true },
  "udp:": { transport: "udp", tls: false },
  "ws:": { transport: "ws", tls: false },
  "wss:": { transport: "ws", tls: true },
};

export const targetForms =
  "tcp://host:port, tls://host:port, unix:///path, udp://host:port, ws://host:port/path or wss://host:port/path";

/** Reads a target URL; undefined when it is none, or has no port. */
export function parseTarget(url: string): Target | undefined {
  const unix = /^unix:\/\/(\/.+)$/.exec(url)?.[1];
  if (unix) return { url, transport: "tcp", hostname: "", port: 0, tls: false, unix, path: "/" };
  if (!URL.canParse(url)) return undefined;
  const scheme = SCHEMES[new URL(url).protocol];
  // Parsed under a scheme without a default port: `ws:` would swallow a written `:80`.
  const { hostname, port, pathname, search } = new URL(url.replace(/^\w+:/, "tcp:"));
  if (!scheme || !hostname || !port || Number(port) === 0) return undefined;
  return {
    url,
    ...scheme,
    hostname: hostname.replace(/^\[|\]$/g, ""),
    port: Number(port),
    path: `${pathname || "/"}${search}`,
  };
}

/** The target of a plan; one that is none ends the workload. */
export function plannedTarget({ target: url }: { target: string }): Target {
  const target = parseTarget(url);
  if (target) return target;
  throw new Unreachable(`${url} is no target`);
}

/** Where `Bun.connect` is to connect to. */
export function placeOf({ hostname, port, tls, unix }: Target): {
  hostname: string;
  port: number;
  unix: string;
  tls?: { rejectUnauthorized: boolean };
} {
  const options = tls ? { tls: { rejectUnauthorized: false } } : {};
  // Bun's types want either a host or a path: of the two just one is there.
  return { ...options, ...(unix === undefined ? { hostname, port } : { unix }) } as ReturnType<
    typeof placeOf
  >;
}

/** What a UDP socket is bound to: Bun takes IPv4 unless it is told otherwise. */
export const udpHostFor = ({ hostname }: Target): string => (hostname.includes(":") ? "::" : "0.0.0.0");
