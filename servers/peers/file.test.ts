// The file peers: a file arrives whole or not at all, and only under a bare name that is free.
import { expect } from "bun:test";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { forEachPeer, startPeer } from "./testing.ts";
import { NOT_UTF8, tcpClient } from "./testing-clients.ts";

await forEachPeer((language, it, speaking) => {
  speaking("file", () => {
    const field = (name: string | Uint8Array) => {
      const bytes = Buffer.alloc(1_024);
      bytes.set(Buffer.from(name));
      return bytes;
    };
    const directory = async () => {
      const path = await mkdtemp(join(tmpdir(), "sockbench-peers-"));
      return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
    };

    it("stores a whole file under its name, and confirms size and hash", async () => {
      await using dir = await directory();
      await using peer = await startPeer(language, "file", ["--dir", dir.path]);
      const body = crypto.getRandomValues(new Uint8Array(60_000));
      using a = await tcpClient(peer.port);
      await a.send(field("grüße.bin").subarray(0, 500)); // the name in two pieces, the second with the body after it
      await a.send(Buffer.concat([field("grüße.bin").subarray(500), body]));
      expect(await a.read("Y")).toBe("Y");
      a.finish();
      const hash = new Bun.CryptoHasher("sha256").update(body).digest("hex");
      expect(await a.rest()).toBe(`60000 ${hash}\n`);
      expect(await readdir(dir.path)).toEqual(["grüße.bin"]);
      expect(await readFile(join(dir.path, "grüße.bin"))).toEqual(Buffer.from(body));
    });

    it("refuses names that are not bare, exist, or are arriving", async () => {
      await using dir = await directory();
      await writeFile(join(dir.path, "there"), "before");
      await using peer = await startPeer(language, "file", ["--dir", dir.path]);
      using first = await tcpClient(peer.port);
      await first.send(field("arriving"));
      expect(await first.read("Y")).toBe("Y");
      const names = [
        "../x",
        "/etc/x",
        "a/b",
        "a\\b",
        "..",
        ".",
        "",
        "there",
        "arriving",
        NOT_UTF8,
        "a\0b",
        "n".repeat(300),
      ];
      for (const name of names) {
        using client = await tcpClient(peer.port);
        await client.send(field(name));
        expect({ name, answer: await client.rest() }).toEqual({ name, answer: "N" });
      }
      expect(await readFile(join(dir.path, "there"), "utf8")).toBe("before");
    });

    it("leaves nothing of a broken transfer, of one that is too large, and of one that a stop cut off", async () => {
      await using dir = await directory();
      await using peer = await startPeer(language, "file", ["--dir", dir.path, "--max-bytes", "10"]);
      {
        using broken = await tcpClient(peer.port);
        await broken.send(field("broken"));
        expect(await broken.read("Y")).toBe("Y");
      } // terminated: RST
      using large = await tcpClient(peer.port);
      await large.send(field("large"));
      expect(await large.read("Y")).toBe("Y");
      await large.send("12345678901");
      expect(await large.rest()).toBe("");
      using cut = await tcpClient(peer.port);
      await cut.send(field("cut"));
      expect(await cut.read("Y")).toBe("Y");
      expect(await peer.stop()).toBe(0);
      expect(await readdir(dir.path)).toEqual([]);
    });
  });
});
