/** Where a server of a protocol answers when it was told its port and nothing else. */
import { type Endpoint, parseEndpoint } from "../clients/endpoint.ts";
import { protocolOf } from "../protocols/index.ts";

export function placeOn(protocol: string, port: number, path = protocolOf(protocol).path ?? ""): Endpoint {
  return parseEndpoint(`${protocolOf(protocol).transport}://127.0.0.1:${port}${path}`)!;
}

/** The same server at another path. */
export const atPath = (endpoint: Endpoint, path: string | undefined): Endpoint =>
  path === undefined
    ? endpoint
    : { ...endpoint, path, url: endpoint.url.replace(/^(\w+:\/\/[^/]+).*$/, `$1${path}`) };
