/** A port of 127.0.0.1 for a server that must be told one before it starts. */
import type { Endpoint } from "../clients/endpoint.ts";
import { exitCodes, Failure } from "../platform/failure.ts";
import { sysctl } from "../platform/proc.ts";

const LOWEST = 10_000;
/** Where the kernel takes ports for whoever asks for any, unless it says otherwise (ip(7)). */
const LOCAL_PORTS = 32_768;
const TRIES = 200;

/** Below them, so that no client's own port takes it between our look and the server's. */
const above = Math.max(
  LOWEST + TRIES,
  Number(sysctl("net/ipv4/ip_local_port_range")?.split(/\s+/)[0] ?? LOCAL_PORTS),
);
let next = LOWEST + Math.floor(Math.random() * (above - LOWEST));

/** One that nobody has, by binding it; never the same twice in a row. */
export async function freePort(transport: Endpoint["transport"]): Promise<number> {
  for (let i = 0; i < TRIES; i++) {
    const port = next;
    next = next + 1 < above ? next + 1 : LOWEST;
    if (await isFree(transport, port)) return port;
  }
  throw new Failure(exitCodes.unreachable, `no port from ${LOWEST} to ${above - 1} is free for {port}`);
}

async function isFree(transport: Endpoint["transport"], port: number): Promise<boolean> {
  const place = { hostname: "127.0.0.1", port };
  try {
    if (transport === "udp") (await Bun.udpSocket({ ...place, socket: { error() {} } })).close();
    else Bun.listen({ ...place, socket: { data() {} } }).stop(true);
    return true;
  } catch {
    return false;
  }
}
