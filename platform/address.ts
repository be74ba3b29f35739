/** Addresses as text, the way every protocol here writes them: `ip:port`, IPv6 in brackets. */
export function addressText(ip: string, port: number): string {
  return ip.includes(":") ? `[${ip}]:${port}` : `${ip}:${port}`;
}

const AF_INET = 2;
const AF_INET6 = 10;
const MAPPED = Buffer.from("00000000000000000000ffff", "hex");

/** The address in a `struct sockaddr_in` or `sockaddr_in6` (ip(7), ipv6(7)); undefined for another family. */
export function addressOf(sockaddr: Uint8Array): { ip: string; text: string; port: number } | undefined {
  const port = (sockaddr[2] << 8) | sockaddr[3];
  const ip = ipOf(sockaddr);
  return ip === undefined ? undefined : { ip, text: addressText(ip, port), port };
}

function ipOf(sockaddr: Uint8Array): string | undefined {
  const family = sockaddr[0] | (sockaddr[1] << 8);
  if (family === AF_INET) return sockaddr.subarray(4, 8).join(".");
  if (family !== AF_INET6) return undefined;
  // An IPv4 peer of an IPv6 socket (RFC 4291 2.5.5.2), written as Bun writes it.
  if (Buffer.from(sockaddr.buffer, sockaddr.byteOffset + 8, 12).equals(MAPPED))
    return `::ffff:${sockaddr.subarray(20, 24).join(".")}`;
  const group = (i: number) => ((sockaddr[8 + i * 2] << 8) | sockaddr[9 + i * 2]).toString(16);
  const groups = Array.from({ length: 8 }, (_, i) => group(i));
  // The URL parser writes an IPv6 address in its one short form (RFC 5952), as Bun does.
  return new URL(`http://[${groups.join(":")}]`).hostname.slice(1, -1);
}
