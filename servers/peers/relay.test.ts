// The relay peers: who hears a datagram, and what becomes of one that is too long.
import { expect } from "bun:test";
import { forEachPeer, startPeer } from "./testing.ts";
import { udpClient } from "./testing-clients.ts";

await forEachPeer((language, it, speaking) => {
  speaking("relay", () => {
    it("sends each datagram to every other known address, and tells the sender of one too long", async () => {
      await using peer = await startPeer(language, "relay");
      using a = await udpClient(peer.port);
      using b = await udpClient(peer.port);
      a.send("x".repeat(1_025)); // registers, is dropped
      expect(await a.next()).toBe("[Server]: datagram of 1025 bytes exceeds 1024");
      a.send("x".repeat(1_025)); // within the same second: no second notice
      b.send("to a");
      expect(await a.next()).toBe(`[${b.address}]: to a`);
      a.send(""); // relays nothing
      a.send("y".repeat(1_024));
      expect(await b.next()).toBe(`[${a.address}]: ${"y".repeat(1_024)}`);
    });

    it("--oversize truncate relays the first 1,024 bytes; a departed client does not end it", async () => {
      await using peer = await startPeer(language, "relay", ["--oversize", "truncate"]);
      using a = await udpClient(peer.port);
      using b = await udpClient(peer.port);
      a.send("hello");
      b.send("from b");
      expect(await a.next()).toBe(`[${b.address}]: from b`);
      {
        using gone = await udpClient(peer.port);
        gone.send("bye");
        expect(await a.next()).toBe(`[${gone.address}]: bye`);
        expect(await b.next()).toBe(`[${gone.address}]: bye`);
      }
      for (let i = 0; i < 20; i++) {
        a.send(`${i}`.padEnd(2_000, "."));
        expect(await b.next()).toBe(`[${a.address}]: ${`${i}`.padEnd(1_024, ".")}`);
      }
    });
  });
});
