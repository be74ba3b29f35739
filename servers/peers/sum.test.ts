// The sum peers: exact integers over three transports, and nothing taken for a request that is none.
import { expect } from "bun:test";
import { connectWebSocket } from "../testing.ts";
import { forEachPeer, startPeer } from "./testing.ts";
import { NOT_UTF8, tcpClient, udpClient, upgrade } from "./testing-clients.ts";

await forEachPeer((language, it, speaking) => {
  const anError = expect.stringMatching(/^\{"Error":".+"\}$/);
  const sums: [request: string, reply: string][] = [
    ['{"A":7,"B":4}', '{"Sum":11}'],
    [' {\n"B" : -4 ,\t"A":7 } ', '{"Sum":3}'],
    ['{"A":9007199254740993,"B":0}', '{"Sum":9007199254740993}'],
    ['{"A":9223372036854775807,"B":-9223372036854775808}', '{"Sum":-1}'],
    ['{"A":9223372036854775807,"B":1}', anError],
    ['{"A":9223372036854775808,"B":-1}', anError],
    ['{"A":1.0,"B":1}', anError],
    ['{"A":1e2,"B":1}', anError],
    ['{"A":"1","B":1}', anError],
    ['{"A":01,"B":1}', anError],
    ['{"a":1,"b":1}', anError],
    ['{"A":1}', anError],
    ['{"A":1,"B":2,"C":3}', anError],
    ['{"A":1,"A":1,"B":2}', anError],
    ['{"A":1,"B":2,}', anError],
    ['{"A":1,"B":2}{"A":1,"B":2}', anError],
    ["[1,2]", anError],
    ["", anError],
  ];

  speaking("sum/tcp", () => {
    it("answers coalesced and split requests in order, and closes after an error", async () => {
      await using peer = await startPeer(language, "sum/tcp");
      using a = await tcpClient(peer.port);
      await a.send('{"A":7,"B":4}{"A":9007199254740993,"B":0}\n {"A":');
      expect(await a.read('{"Sum":11}\n{"Sum":9007199254740993}\n')).toBe(
        '{"Sum":11}\n{"Sum":9007199254740993}\n',
      );
      await a.send('1,"B":1}{"A":2,"B":2}{"A":x}{"A":3,"B":3}');
      expect(await a.rest()).toMatch(/^\{"Sum":2\}\n\{"Sum":4\}\n\{"Error":".+"\}\n$/);
    });

    it("a request of 256 bytes passes; one more byte, or an end inside one, is an error", async () => {
      await using peer = await startPeer(language, "sum/tcp");
      const longest = '{"A":1,"B":1}'.padEnd(255).replace(/\}( +)$/, "$1}");
      using a = await tcpClient(peer.port);
      await a.send(`${longest} ${longest.replace(" ", "  ")}${longest.replace(" ", "   ")}`);
      expect(await a.rest()).toMatch(/^\{"Sum":2\}\n\{"Sum":2\}\n\{"Error":".+256.+"\}\n$/);
      using b = await tcpClient(peer.port);
      await b.send('{"A":1,"B":');
      b.finish();
      expect(await b.rest()).toMatch(/^\{"Error":".+"\}\n$/);
    });
  });

  speaking("sum/udp", () => {
    it("answers each datagram, with its Id", async () => {
      await using peer = await startPeer(language, "sum/udp");
      using a = await udpClient(peer.port);
      for (const [request, reply] of sums) {
        a.send(request);
        expect({ request, reply: await a.next() }).toEqual({ request, reply });
      }
      a.send('{"Id":"a\\u0001","A":1,"B":2}');
      expect(await a.next()).toBe('{"Sum":3,"Id":"a\\u0001"}');
      a.send('{"A":9223372036854775807,"B":2,"Id":5}');
      expect(await a.next()).toMatch(/^\{"Error":".+","Id":5\}$/);
      a.send('{"A":1,"B":2}'.padEnd(257));
      expect(await a.next()).toMatch(/^\{"Error":".+256.+"\}$/);
    });
  });

  speaking("sum/ws", () => {
    it("answers each text message, stays after an error, and takes binary for no request", async () => {
      await using peer = await startPeer(language, "sum/ws");
      using a = await connectWebSocket(peer.url);
      for (const [request, reply] of sums) {
        a.send(request);
        expect({ request, reply: await a.next() }).toEqual({ request, reply });
      }
      a.send(Buffer.from('{"A":7,"B":4}'));
      expect(await a.next()).toMatch(/^\{"Error":".+"\}$/);
      a.socket.close(1000);
      expect(await a.untilClosed()).toMatchObject({ code: 1000 });
      expect((await fetch(`http://127.0.0.1:${peer.port}/other`)).status).toBe(404);
      using raw = await tcpClient(peer.port);
      await raw.send(upgrade("/other", peer.port));
      expect(await raw.read("HTTP/1.1 404")).toBe("HTTP/1.1 404");
    });

    it("closes a connection without a message", async () => {
      await using peer = await startPeer(language, "sum/ws", ["--idle-timeout", "0.2"]);
      using a = await connectWebSocket(peer.url);
      expect(await a.untilClosed()).toMatchObject({ code: 1001 });
    });

    it("/echo sends back text and binary of any size, and refuses text that is not UTF-8 with 1007", async () => {
      await using peer = await startPeer(language, "sum/ws");
      const url = peer.url.replace("/add", "/echo");
      using a = await connectWebSocket(url);
      a.send("grüße");
      a.send(NOT_UTF8);
      expect(await a.next()).toBe("grüße");
      expect(await a.next()).toEqual(Buffer.from(NOT_UTF8));
      const large = "ß".repeat(1 << 20);
      a.send(large);
      expect((await a.next()) === large).toBe(true);
      using raw = await tcpClient(peer.port);
      await raw.send(upgrade("/echo", peer.port));
      await raw.readThrough("\r\n\r\n");
      await raw.send(new Uint8Array([0x81, 0x82, 0, 0, 0, 0, ...NOT_UTF8]));
      expect(await raw.rest()).toContain("\x03\ufffd"); // 0x03ef is 1007
    });
  });
});
