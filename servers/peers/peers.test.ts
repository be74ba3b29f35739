// Every peer starts, says where it listens, refuses what is wrong and stops, all in the same words.
import { describe, expect } from "bun:test";
import { peerProtocols } from "./index.ts";
import { everyoneIn, forEachPeer, runPeer, startPeer } from "./testing.ts";
import { tcpClient } from "./testing-clients.ts";

const schemes: Record<string, string> = { relay: "udp", "sum/udp": "udp", "chat/ws": "ws", "sum/ws": "ws" };
const paths: Record<string, string> = { "chat/ws": "/ws", "sum/ws": "/add" };

await forEachPeer((language, it) => {
  describe("started by hand", () => {
    for (const protocol of peerProtocols(language)) {
      it(`${protocol} says where it listens, and SIGTERM and SIGINT end it with 0`, async () => {
        for (const signal of ["SIGTERM", "SIGINT"] as const) {
          await using peer = await startPeer(language, protocol);
          const scheme = schemes[protocol] ?? "tcp";
          expect(peer.announced).toEqual({
            listening: `${scheme}://127.0.0.1:${peer.port}${paths[protocol] ?? ""}`,
            protocol,
            pid: peer.process.pid,
          });
          expect(await peer.stop(signal)).toBe(0);
        }
      });
    }

    it("a stop does not wait for its clients", async () => {
      await using peer = await startPeer(language, "chat/bracket");
      using client = await tcpClient(peer.port);
      await everyoneIn(peer, client);
      expect(await peer.stop()).toBe(0);
      expect(await client.rest()).toBe("");
    });

    const wrong = [
      ["chat/bracket", "--port", "70000"],
      ["chat/bracket", "--port", "many"],
      ["relay", "--oversize", "explode"],
      ["chat/ws", "--ping-interval", "-3"],
      ["sum/ws", "--idle-timeout", "soon"],
      ["file", "--max-bytes", "1.5"],
      ["file", "--dir", "/nowhere/at/all"],
    ] as const;
    for (const [protocol, flag, value] of wrong) {
      if (!peerProtocols(language).includes(protocol)) continue;
      it(`${protocol} ${flag} ${value} is one line on stderr and exit code 2`, async () => {
        const { stderr: said, code: status } = await runPeer(language, protocol, [flag, value]);
        expect(said).toMatch(/^[^\n]+\n$/);
        expect(said).toContain(flag);
        expect(said).toContain(value);
        expect(status).toBe(2);
      });
    }

    it("a port in use is one line that names it and exit code 3", async () => {
      await using peer = await startPeer(language, "chat/bracket");
      const { stderr: said, code: status } = await runPeer(language, "chat/bracket", [
        "--port",
        String(peer.port),
      ]);
      expect(said).toMatch(/^[^\n]+ in use\n$/);
      expect(said).toContain(String(peer.port));
      expect(status).toBe(3);
    });
  });
});
