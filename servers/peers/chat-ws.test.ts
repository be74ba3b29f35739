// The chat/ws peers: what the hub relays, whom it refuses, and whom it gives up.

import { expect } from "bun:test";
import { steadily } from "../../testing/steady.ts";
import { connectWebSocket } from "../testing.ts";
import { forEachPeer, startPeer } from "./testing.ts";
import { NOT_UTF8, tcpClient, upgrade, within } from "./testing-clients.ts";

await forEachPeer((language, it, speaking) => {
  speaking("chat/ws", () => {
    it("relays text to the others, refuses binary with 1003, too much with 1009, no UTF-8 with 1007", async () => {
      await using peer = await startPeer(language, "chat/ws");
      using a = await connectWebSocket(peer.url);
      using b = await connectWebSocket(peer.url);
      b.send("one");
      b.send("<b>two");
      expect(await a.next()).toMatch(/^\[127\.0\.0\.1:\d+\]: one\n$/);
      expect(await a.next()).toMatch(/^\[127\.0\.0\.1:\d+\]: <b>two\n$/);
      a.send("x".repeat(65_536));
      expect((await b.next())?.length).toBeGreaterThan(65_536);
      a.send("x".repeat(65_537));
      expect(await a.untilClosed()).toMatchObject({ code: 1009 });
      b.send(NOT_UTF8);
      expect(await b.untilClosed()).toMatchObject({ code: 1003 });
      using raw = await tcpClient(peer.port);
      await raw.send(upgrade("/ws", peer.port));
      await raw.readThrough("\r\n\r\n");
      await raw.send(new Uint8Array([0x81, 0x82, 0, 0, 0, 0, ...NOT_UTF8]));
      expect(await raw.rest()).toContain("\x03\ufffd"); // 0x03ef is 1007; ef alone is no UTF-8
    });

    it("serves a page, and refuses a foreign origin with 403 unless it is named", async () => {
      await using peer = await startPeer(language, "chat/ws", ["--allow-origin", "https://friend.example"]);
      const page = await fetch(`http://127.0.0.1:${peer.port}/`);
      expect([page.status, page.headers.get("content-type")]).toEqual([200, "text/html; charset=utf-8"]);
      expect((await fetch(`http://127.0.0.1:${peer.port}/nowhere`)).status).toBe(404);
      const own = `http://127.0.0.1:${peer.port}`;
      const origins = {
        [own]: "101",
        "https://friend.example": "101",
        "https://other.example": "403",
        null: "403",
      };
      for (const [origin, status] of Object.entries(origins)) {
        using raw = await tcpClient(peer.port);
        await raw.send(upgrade("/ws", peer.port, { Origin: origin }));
        expect(await raw.read(`HTTP/1.1 ${status}`)).toBe(`HTTP/1.1 ${status}`);
      }
    });

    it(
      "pings, and closes a client from which nothing comes",
      steadily(async () => {
        await using peer = await startPeer(language, "chat/ws", [
          "--ping-interval",
          "0.1",
          "--idle-timeout",
          "0.6",
        ]);
        using answering = await connectWebSocket(peer.url);
        using silent = await tcpClient(peer.port);
        await silent.send(upgrade("/ws", peer.port));
        const heard = await silent.rest();
        expect(heard).toContain("\r\n\r\n\ufffd\0"); // the head of an empty ping: 0x89 0x00
        using other = await connectWebSocket(peer.url);
        other.send("still here?");
        expect(await answering.next()).toContain("still here?");
      }),
    );

    it("evicts a client whose queue is full with 1008, after all that was queued", async () => {
      await using peer = await startPeer(language, "chat/ws");
      using sender = await connectWebSocket(peer.url);
      using reader = await connectWebSocket(peer.url);
      let received = Buffer.alloc(0);
      const ended = Promise.withResolvers<void>();
      const upgraded = Promise.withResolvers<void>();
      const stuck = await Bun.connect({
        hostname: "127.0.0.1",
        port: peer.port,
        socket: {
          open: (socket) => void socket.write(upgrade("/ws", peer.port)),
          data(socket, chunk) {
            if (received.length === 0) {
              socket.pause();
              upgraded.resolve();
            }
            received = Buffer.concat([received.subarray(-4), chunk]);
            if (received.includes("too slow")) ended.resolve();
          },
          close: () => ended.resolve(),
        },
      });
      await within("the upgrade", upgraded.promise);
      const text = "z".repeat(60_000);
      for (let i = 0; i < 400; i++) {
        sender.send(text);
        await reader.next();
      }
      stuck.resume();
      await within("the close frame", ended.promise);
      expect(received.toString("latin1")).toContain("\x03\xf0too slow"); // 0x03f0 is 1008
      stuck.terminate();
    });
  });
});
