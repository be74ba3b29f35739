/** Claims about TCP. */
import { fdOf, getOption, tcpInfo } from "../../platform/socket-options.ts";
import { sleep } from "../peer.ts";
import { connectPair, type Fact, received, tell } from "./loopback.ts";

export const tcpFacts: Fact[] = [
  {
    number: "1.1",
    title: "several messages in one read",
    requirement: "A TCP read may hold several messages.",
    source: "RFC 9293 3.7",
    async run(t) {
      const { client, server, stop } = await connectPair();
      for (let i = 0; i < 10; i++) client.socket.write("message\n");
      await received(server, 80);
      stop();
      tell(t, server.reads.length < 10, `10 messages of 8 bytes arrived in ${server.reads.length} reads`);
    },
  },
  {
    number: "1.2",
    title: "a message in several reads",
    requirement: "A TCP read may hold part of a message.",
    source: "RFC 9293 3.7",
    async run(t) {
      const { client, server, stop } = await connectPair();
      client.socket.write("mess");
      await sleep(20);
      client.socket.write("age\n");
      await received(server, 8);
      stop();
      tell(
        t,
        server.reads.length === 2,
        `8 bytes written in two halves arrived in reads of ${server.reads.join(" and ")}`,
      );
    },
  },
  {
    number: "1.3",
    title: "writes and segments",
    requirement: "TCP_NODELAY does not guarantee a segment for each write.",
    source: "tcp(7)",
    async run(t) {
      const { client, server, stop } = await connectPair();
      const before = tcpInfo(fdOf(client.socket))?.dataSegmentsOut ?? 0;
      for (let i = 0; i < 200; i++) client.socket.write("x".repeat(100));
      await received(server, 20_000);
      const segments = (tcpInfo(fdOf(client.socket))?.dataSegmentsOut ?? 0) - before;
      const nodelay = getOption(fdOf(client.socket), "TCP_NODELAY");
      stop();
      tell(
        t,
        segments < 200,
        `200 writes of 100 bytes with TCP_NODELAY ${nodelay} went in ${segments} segments`,
      );
    },
  },
  {
    number: "1.4",
    title: "half-closed and still readable",
    requirement: "A TCP connection half-closed by a FIN can still be read.",
    source: "RFC 9293 3.6",
    async run(t) {
      const { client, server, stop } = await connectPair();
      client.socket.shutdown();
      await sleep(20);
      const wrote = server.socket.write("after your FIN");
      const came = await received(client, 14);
      const seen = server.ended;
      stop();
      tell(t, came === 14, `the server saw "${seen}" and wrote ${wrote} bytes, of which ${came} arrived`);
    },
  },
  {
    number: "1.5",
    title: "a reset, seen by a reader",
    requirement: "After a reset a read fails with ECONNRESET.",
    source: "RFC 9293 3.5.2",
    async run(t) {
      const { client, server, stop } = await connectPair();
      client.socket.terminate();
      await sleep(30);
      stop();
      tell(t, server.error === "ECONNRESET", `the reader saw ${server.error ?? server.ended}`);
    },
  },
  {
    number: "1.6",
    title: "a reset, seen by a writer",
    requirement: "After a reset a write fails.",
    source: "tcp(7), write(2)",
    async run(t) {
      const { client, server, stop } = await connectPair();
      client.socket.terminate();
      await sleep(30);
      const wrote = server.socket.write("anybody there?");
      stop();
      tell(t, wrote < 0, `write returned ${wrote} (Bun reports no errno here: -1 means EPIPE or closed)`);
    },
  },
  {
    number: "1.7",
    title: "a write after the peer has closed",
    requirement: "The first write to a peer that has closed succeeds: the reset comes later.",
    source: "RFC 9293 3.5.2",
    async run(t) {
      const { client, server, stop } = await connectPair();
      client.socket.end();
      await sleep(20);
      const first = server.socket.write("too late");
      await sleep(20);
      const second = server.socket.write("far too late");
      stop();
      tell(t, first > 0 && second < 0, `the first write took ${first} bytes, the second returned ${second}`);
    },
  },
  {
    number: "1.8",
    title: "the MSS on loopback",
    requirement: "On loopback the MSS is close to 64 KiB, so segmentation is not visible there.",
    source: "RFC 9293 3.7.1",
    async run(t) {
      const { client, stop } = await connectPair();
      const mss = tcpInfo(fdOf(client.socket))?.sendMss ?? 0;
      stop();
      tell(t, mss > 20_000, `the MSS is ${mss} bytes`);
    },
  },
  {
    number: "1.9",
    title: "a smaller MSS",
    requirement: "TCP_MAXSEG makes segmentation visible on loopback.",
    source: "tcp(7)",
    async run(t) {
      const { client, server, stop } = await connectPair(1460);
      const before = tcpInfo(fdOf(client.socket))?.dataSegmentsOut ?? 0;
      const mss = tcpInfo(fdOf(client.socket))?.sendMss;
      client.socket.write("x".repeat(14_600));
      await received(server, 14_600);
      const segments = (tcpInfo(fdOf(client.socket))?.dataSegmentsOut ?? 0) - before;
      stop();
      tell(
        t,
        segments >= 10,
        `MSS set by the listener: 14,600 bytes in ${segments} segments of at most ${mss}`,
      );
    },
  },
  {
    number: "1.10",
    title: "connections in the backlog",
    requirement: "The listen backlog holds connections that have not been accepted.",
    source: "listen(2)",
    async run(t) {
      let accepted = 0;
      const listener = Bun.listen({
        hostname: "127.0.0.1",
        port: 0,
        socket: { open: () => void accepted++, data() {} },
      });
      const connect = () =>
        Bun.connect({ hostname: "127.0.0.1", port: listener.port, socket: { data() {} } });
      const connecting = Array.from({ length: 20 }, connect);
      // This blocks the event loop, and so accept(2), but not the kernel.
      const until = performance.now() + 30;
      while (performance.now() < until);
      const before = accepted;
      const clients = await Promise.all(connecting);
      await sleep(20);
      for (const client of clients) client.terminate();
      listener.stop(true);
      tell(
        t,
        before === 0 && accepted === 20,
        `20 clients connected with ${before} accepted; ${accepted} were accepted later`,
      );
    },
  },
  {
    number: "1.11",
    title: "IPv4 and IPv6 listeners",
    requirement: "The same port on 127.0.0.1 and ::1 can have two listeners.",
    source: "ipv6(7)",
    async run(t) {
      const socket = { data() {} };
      const four = Bun.listen({ hostname: "127.0.0.1", port: 0, socket });
      try {
        const six = Bun.listen({ hostname: "::1", port: four.port, socket });
        six.stop(true);
        tell(t, true, `both listened on port ${four.port}`);
      } catch (error) {
        tell(t, false, `the second listener failed: ${error}`);
      } finally {
        four.stop(true);
      }
    },
  },
  {
    number: "1.12",
    title: "a port in use",
    requirement: "A second listener on the same address and port fails with EADDRINUSE.",
    source: "bind(2)",
    async run(t) {
      const socket = { data() {} };
      const first = Bun.listen({ hostname: "127.0.0.1", port: 0, socket });
      let seen = "the second listener succeeded";
      try {
        Bun.listen({ hostname: "127.0.0.1", port: first.port, socket }).stop(true);
      } catch (error) {
        seen = error instanceof Error && "code" in error ? String(error.code) : String(error);
      }
      first.stop(true);
      tell(t, seen === "EADDRINUSE", seen);
    },
  },
];
