import { expect, test } from "bun:test";
import { udpIsBound } from "./udp-bound.ts";

const onLinux = test.skipIf(process.platform !== "linux");
const open = (hostname: string) => Bun.udpSocket({ hostname, socket: { error() {} } });

onLinux.each(["127.0.0.1", "::1"])(
  "a port is bound at %s while its socket is open, and nowhere else",
  async (host) => {
    const socket = await open(host);
    expect(udpIsBound(host, socket.port)).toBe(true);
    expect(udpIsBound("localhost", socket.port)).toBe(true);
    expect(udpIsBound("127.0.0.2", socket.port)).toBe(false);
    const { port } = socket;
    socket.close();
    expect(udpIsBound(host, port)).toBe(false);
  },
);

onLinux("a socket of all addresses has the port at each", async () => {
  const socket = await open("0.0.0.0");
  expect(udpIsBound("127.0.0.2", socket.port)).toBe(true);
  socket.close();
});
