// Clients for the tests of the peers: those of all servers' tests, by port.
import { handshakeRequest } from "../../protocols/websocket.ts";
import { connectRaw, connectUdp, type RawClient, WAIT_MS } from "../testing.ts";

export const NOT_UTF8 = new Uint8Array([0xff, 0xfe]);

/** Rejects when nothing came for too long, saying what was waited for. */
export function within<T>(what: string, wait: Promise<T>): Promise<T> {
  let timer: Timer;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${WAIT_MS} ms for ${what}`)), WAIT_MS);
  });
  return Promise.race([wait, late]).finally(() => clearTimeout(timer));
}

export type TcpClient = RawClient;

export const tcpClient = (port: number) => connectRaw({ hostname: "127.0.0.1", port });
export const udpClient = (port: number) => connectUdp(`udp://127.0.0.1:${port}`);

/** The opening handshake as a client without a library writes it. */
export const upgrade = (path: string, port: number, extra: Record<string, string> = {}): string =>
  handshakeRequest(`127.0.0.1:${port}`, path, "dGhlIHNhbXBsZSBub25jZQ==", extra);
