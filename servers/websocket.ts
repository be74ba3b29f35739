/** What our WebSocket servers share: requests before they are upgraded. */
import type { Server } from "bun";
import { addressText } from "../platform/address.ts";

/** How long the opening handshake may take, TLS and HTTP headers included. */
export const HANDSHAKE_SECONDS = 5;

/** The path of a request. A `Host` that is none leaves `request.url` without scheme: it is no URL then. */
export function pathOf(request: Request): string {
  return /^(?:[a-z]+:\/\/[^/]*)?([^?#]*)/.exec(request.url)?.[1] || "/";
}

/** `ip:port` of a request's sender; undefined behind a Unix socket. */
export function peerOf<T>(server: Server<T>, request: Request): string | undefined {
  const peer = server.requestIP(request);
  return peer ? addressText(peer.address, peer.port) : undefined;
}

/**
 * Whether the `Connection` field names the upgrade (RFC 6455 4.2.1): Bun 1.4.5 upgrades without it. It also upgrades
 * a request by HTTP/1.0, which cannot be seen from here.
 */
export function asksForUpgrade(request: Request): boolean {
  const names = request.headers.get("connection")?.toLowerCase().split(",") ?? [];
  return names.some((name) => name.trim() === "upgrade");
}

/** To a request that asks for no WebSocket where there is nothing else. */
export const upgradeRequired = (): Response =>
  new Response("this path speaks WebSocket\n", { status: 426, headers: { Upgrade: "websocket" } });
