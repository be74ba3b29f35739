/** The address of a server under test, as flags and plans have it: `tcp://host:port`, `udp://…`, `ws://…/path`. */

export type Target = {
  url: string;
  transport: "tcp" | "udp" | "ws";
  hostname: string;
  port: number;
  /** Path of the WebSocket handshake. */
  path: string;
};

const TRANSPORTS: Record<string, Target["transport"]> = { "tcp:": "tcp", "udp:": "udp", "ws:": "ws" };

/** Reads a target URL; undefined when it is none, or has no port. */
export function parseTarget(url: string): Target | undefined {
  if (!URL.canParse(url)) return undefined;
  const transport = TRANSPORTS[new URL(url).protocol];
  // Parsed under a scheme without a default port: `ws:` would swallow a written `:80`.
  const { hostname, port, pathname, search } = new URL(url.replace(/^\w+:/, "tcp:"));
  if (!transport || !hostname || !port || Number(port) === 0) return undefined;
  return {
    url,
    transport,
    hostname: hostname.replace(/^\[|\]$/g, ""),
    port: Number(port),
    path: `${pathname || "/"}${search}`,
  };
}
