// The echo peers: a pong a line, or a pong a read.
import { expect } from "bun:test";
import { forEachPeer, startPeer } from "./testing.ts";
import { tcpClient } from "./testing-clients.ts";

await forEachPeer((language, it, speaking) => {
  speaking("echo", () => {
    it("a pong for each line, coalesced or split", async () => {
      await using peer = await startPeer(language, "echo");
      using a = await tcpClient(peer.port);
      await a.send("ping\nping\npi");
      expect(await a.read("pong\npong\n")).toBe("pong\npong\n");
      await a.send("ng\nping");
      a.finish();
      expect(await a.rest()).toBe("pong\n");
    });

    it("--unframed: one pong a read", async () => {
      await using peer = await startPeer(language, "echo", ["--unframed"]);
      using a = await tcpClient(peer.port);
      await a.send("ping\n".repeat(10));
      a.finish();
      expect(await a.rest()).toBe("pong");
    });
  });
});
