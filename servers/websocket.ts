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
