// The TCP chat peers: one right exchange a dialect, and the edges each is known for.
import { expect } from "bun:test";
import { everyoneIn, forEachPeer, startPeer } from "./testing.ts";
import { tcpClient, within } from "./testing-clients.ts";

await forEachPeer((language, it, speaking) => {
  speaking("chat/bracket", () => {
    it("relays each line to the others, coalesced or split, and a partial one to nobody", async () => {
      await using peer = await startPeer(language, "chat/bracket");
      using a = await tcpClient(peer.port);
      using b = await tcpClient(peer.port);
      await everyoneIn(peer, a, b);

      await a.send("one\ntwo\r\nth");
      const first = `[${a.address}]: one\n[${a.address}]: two\r\n`;
      expect(await b.read(first)).toBe(first);
      await a.send("ree\npartial");
      expect(await b.read(`[${a.address}]: three\n`)).toBe(`[${a.address}]: three\n`);
      a.finish();
      expect(await a.rest()).toBe("");
      expect(await peer.stop()).toBe(0);
      expect(await b.rest()).toBe("");
    });

    it("a line of 65,536 bytes passes, one more byte ends the connection with a word", async () => {
      await using peer = await startPeer(language, "chat/bracket");
      using a = await tcpClient(peer.port);
      using b = await tcpClient(peer.port);
      await everyoneIn(peer, a, b);
      const longest = "x".repeat(65_536);
      await a.send(`${longest}\n${longest}y`);
      expect(await b.read(`[${a.address}]: ${longest}\n`)).toBe(`[${a.address}]: ${longest}\n`);
      expect(await a.rest()).toBe("[Server]: line too long\n");
    });

    it("evicts a reader that does not read, and stalls nobody", async () => {
      await using peer = await startPeer(language, "chat/bracket");
      using sender = await tcpClient(peer.port);
      using reader = await tcpClient(peer.port);
      const evicted = Promise.withResolvers<void>();
      const stuck = await Bun.connect({
        hostname: "127.0.0.1",
        port: peer.port,
        socket: {
          data: (socket) => socket.pause(),
          close: () => evicted.resolve(),
          error: () => evicted.resolve(),
        },
      });
      await everyoneIn(peer, sender, reader);
      const line = "y".repeat(60_000);
      const relayed = `[${sender.address}]: ${line}\n`;
      for (let i = 0; i < 400; i++) {
        await sender.send(`${line}\n`);
        expect((await reader.read(relayed)) === relayed).toBe(true);
      }
      stuck.resume(); // what the kernel kept for it, and then the end
      await within("the eviction", evicted.promise);
      stuck.terminate();
    });
  });

  speaking("chat/welcome", () => {
    it("numbers clients from 1 and says what they say to everyone, without a trailing CR", async () => {
      await using peer = await startPeer(language, "chat/welcome");
      using a = await tcpClient(peer.port);
      expect(await a.read("Welcome 1\n")).toBe("Welcome 1\n");
      using b = await tcpClient(peer.port);
      expect(await b.read("Welcome 2\n")).toBe("Welcome 2\n");
      await b.send("hi\r\nthere\nunfinished");
      const said = "2:hi\n2:there\n";
      expect(await b.read(said)).toBe(said);
      b.finish();
      expect(await b.rest()).toBe("");
      const heard = `User:2has enter\n${said}User:2has left\n`;
      expect(await a.read(heard)).toBe(heard);
    });
  });

  speaking("chat/stamped", () => {
    it("relays stamped lines unchanged, and `exit` leaves", async () => {
      await using peer = await startPeer(language, "chat/stamped");
      using a = await tcpClient(peer.port);
      expect(await a.read("[SERVER] Client 1 joined the chat.\n")).toBe(
        "[SERVER] Client 1 joined the chat.\n",
      );
      using b = await tcpClient(peer.port);
      expect(await b.read("[SERVER] Client 2 joined the chat.\n")).toBe(
        "[SERVER] Client 2 joined the chat.\n",
      );
      await b.send("1700000000:hello\n1700000001:no exit\n1700000002:exit\n1700000003:unheard\n");
      expect(await b.rest()).toBe("");
      const heard =
        "[SERVER] Client 2 joined the chat.\n1700000000:hello\n1700000001:no exit\n[SERVER] Client 2 left the chat.\n";
      expect(await a.read(heard)).toBe(heard);
      using c = await tcpClient(peer.port);
      expect(await c.read("[SERVER] Client 3 joined the chat.\n")).toBe(
        "[SERVER] Client 3 joined the chat.\n",
      );
    });
  });

  speaking("chat/json", () => {
    const object = (source: string, data: string) => `${JSON.stringify({ data_source: source, data })}\n`;

    it("takes objects with no separator, split anywhere, and replaces their source", async () => {
      await using peer = await startPeer(language, "chat/json");
      using a = await tcpClient(peer.port);
      const joined = object("server", `${a.address} joined`);
      expect(await a.read(joined)).toBe(joined);
      await a.send('{"data":"}{\\"","data_source":"me"}{"data_source":"","data":"zw');
      expect(await a.read(object(a.address, '}{"'))).toBe(object(a.address, '}{"'));
      await a.send('ö"}');
      expect(await a.read(object(a.address, "zwö"))).toBe(object(a.address, "zwö"));
      await a.send("no object");
      expect(await a.rest()).toBe("");
    });
  });
});
