/** Where a server of a protocol answers when it was told its port and nothing else. */
import { type Endpoint, parseEndpoint } from "../clients/endpoint.ts";
import { CHAT_WS_PATH } from "../protocols/chat-ws.ts";
import { servers } from "../servers/index.ts";

const schemes = { TCP: "tcp", UDP: "udp", WebSocket: "ws" } as const;
/** A handshake's path is the protocol's own. */
const paths: Record<string, string> = { "chat/ws": CHAT_WS_PATH, hub: CHAT_WS_PATH, "sum/ws": "/add" };

export function placeOn(protocol: string, port: number, path = paths[protocol] ?? ""): Endpoint {
  const scheme = protocol in servers ? schemes[servers[protocol as keyof typeof servers].transport] : "tcp";
  return parseEndpoint(`${scheme}://127.0.0.1:${port}${path}`)!;
}

/** The same server at another path. */
export const atPath = (endpoint: Endpoint, path: string | undefined): Endpoint =>
  path === undefined
    ? endpoint
    : { ...endpoint, path, url: endpoint.url.replace(/^(\w+:\/\/[^/]+).*$/, `$1${path}`) };
