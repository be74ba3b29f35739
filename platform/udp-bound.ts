/** Whether a UDP port is in use: UDP has no handshake that would tell, so the kernel's table is read. */
import { isIP } from "node:net";
import { addressOf } from "./address.ts";
import { readProc } from "./proc.ts";

const AF_INET = 2;
const AF_INET6 = 10;
const UNCONNECTED = "07"; // TCP_CLOSE, as unconnected UDP sockets are shown (proc_net(5))
const WILDCARDS = ["0.0.0.0", "[::]"];

/**
 * Whether a socket has this port of this machine at this address, or at all addresses; undefined where the table
 * cannot be read. A name stands for any address.
 */
export function udpIsBound(hostname: string, port: number): boolean | undefined {
  const tables = [readProc("/proc/net/udp"), readProc("/proc/net/udp6")].filter((text) => text !== undefined);
  if (tables.length === 0) return undefined;
  const address = hostname.includes(":") ? `[${hostname}]` : hostname;
  const places = tables.flatMap((table) => table.split("\n").slice(1).flatMap(boundPlace));
  return places.some(
    (place) =>
      place.port === port &&
      (isIP(hostname) === 0 || WILDCARDS.includes(place.address) || place.address === address),
  );
}

/** `sl local_address rem_address st …`: the address in hexadecimal, each 32-bit word in the machine's order. */
function boundPlace(row: string): { address: string; port: number }[] {
  const [, local = "", , state] = row.trim().split(/\s+/, 4);
  if (state !== UNCONNECTED) return [];
  const [words, digits] = local.split(":");
  const bytes = Buffer.from(words, "hex").swap32();
  const sockaddr = new Uint8Array(28);
  const family = bytes.length === 4 ? AF_INET : AF_INET6;
  sockaddr.set([family, 0, ...Buffer.from(digits, "hex")]);
  sockaddr.set(bytes, family === AF_INET ? 4 : 8);
  const place = addressOf(sockaddr);
  return place ? [{ address: place.text.slice(0, place.text.lastIndexOf(":")), port: place.port }] : [];
}
