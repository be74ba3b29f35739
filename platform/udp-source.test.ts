import { expect, test } from "bun:test";
import { networkInterfaces } from "node:os";
import { udpPlace, udpSource } from "./udp-source.ts";

const onLinux = test.skipIf(process.platform !== "linux");

onLinux.each([
  ["127.0.0.1", "127.0.0.1"],
  ["127.9.9.9", "127.0.0.1"],
  ["::1", "::1"],
])("a client of %s is bound to %s", (peer, local) => {
  expect(udpSource(peer, 9)).toBe(local);
});

test("a name is resolved, and the client bound to loopback too", async () => {
  const { local, peer } = await udpPlace("localhost", 9);
  expect(["127.0.0.1", "::1"]).toContain(local);
  expect(["127.0.0.1", "::1"]).toContain(peer);
});

onLinux("a client of one of this machine's addresses is bound to one of them, never to all", () => {
  const outside = Object.values(networkInterfaces()).flatMap((list) =>
    (list ?? []).filter(({ internal, family }) => !internal && family === "IPv4"),
  );
  for (const { address } of outside) expect(udpSource(address, 9)).toBe(address);
});

test("an address without a route falls back to what Bun would bind", () => {
  // Multicast to a scope that is no address here, and text that is none at all.
  expect(udpSource("fe80::1%nowhere9", 9)).toBe("::");
});
