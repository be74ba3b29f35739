/** Claims about UDP, and the one about the WebSocket handshake. */
import { ptr } from "bun:ffi";
import { libc } from "../../platform/libc.ts";
import { getOption } from "../../platform/socket-options.ts";
import { acceptFor } from "../../protocols/websocket.ts";
import { sleep } from "../peer.ts";
import { Unsupported } from "../violation.ts";
import { type Fact, tell } from "./loopback.ts";

const AF_INET = 2;
const SOCK_DGRAM = 2;
const MSG_DONTWAIT = 0x40;
const MSG_TRUNC = 0x20;
const ECONNREFUSED = 111;

/** A plain socket of the C library: Bun's own receive buffers are too large to truncate a datagram. */
function plainSocket() {
  if (!libc) throw new Unsupported("the C library cannot be called on this system");
  const lib = libc;
  const fd = lib.socket(AF_INET, SOCK_DGRAM, 0);
  const address = (port: number) =>
    Uint8Array.from([AF_INET, 0, port >> 8, port & 255, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
  return {
    fd,
    bind(): number {
      const own = address(0);
      lib.bind(fd, ptr(own), 16);
      lib.getsockname(fd, ptr(own), ptr(new Uint32Array([16])));
      return (own[2] << 8) | own[3];
    },
    connect: (port: number) => lib.connect(fd, ptr(address(port)), 16),
    send: (bytes: Uint8Array, length = bytes.length) => Number(lib.send(fd, ptr(bytes), length, 0)),
    receive: (bytes: Uint8Array, flags = 0) =>
      Number(lib.recv(fd, ptr(bytes), bytes.length, MSG_DONTWAIT | flags)),
    close: () => void lib.close(fd),
  };
}

/** A port without a listener: it was free a moment ago. */
async function deadPort(): Promise<number> {
  const socket = await Bun.udpSocket({ hostname: "127.0.0.1" });
  const { port } = socket;
  socket.close();
  return port;
}

export const udpFacts: Fact[] = [
  {
    number: "2.1",
    title: "one datagram per read",
    requirement: "A UDP read returns one datagram, even if two are queued and would fit.",
    source: "RFC 768, udp(7)",
    async run(t) {
      const receiver = plainSocket();
      const sender = plainSocket();
      sender.connect(receiver.bind());
      sender.send(Buffer.from("one"));
      sender.send(Buffer.from("two"));
      const buffer = new Uint8Array(100);
      const first = receiver.receive(buffer);
      receiver.close();
      sender.close();
      tell(
        t,
        first === 3,
        `with two datagrams of 3 bytes queued, a read of up to 100 bytes returned ${first}`,
      );
    },
  },
  {
    number: "2.2",
    title: "a buffer that is too small",
    requirement:
      "The part of a datagram that does not fit the buffer is lost; MSG_TRUNC reports the full size.",
    source: "recv(2)",
    async run(t) {
      const receiver = plainSocket();
      const sender = plainSocket();
      sender.connect(receiver.bind());
      sender.send(new Uint8Array(1000));
      sender.send(new Uint8Array(2000));
      const buffer = new Uint8Array(100);
      const cut = receiver.receive(buffer);
      const told = receiver.receive(buffer, MSG_TRUNC);
      const more = receiver.receive(buffer);
      receiver.close();
      sender.close();
      tell(
        t,
        cut === 100 && told === 2000 && more < 0,
        `of 1,000 bytes ${cut} were read; with MSG_TRUNC recv returned ${told} for 2,000; then nothing was left`,
      );
    },
  },
  {
    number: "2.3",
    title: "the largest datagram",
    requirement: "The largest IPv4 payload is 65,507 bytes; one byte more fails with EMSGSIZE.",
    source: "RFC 768, RFC 791",
    async run(t) {
      const receiver = plainSocket();
      const sender = plainSocket();
      sender.connect(receiver.bind());
      const largest = sender.send(new Uint8Array(65_507));
      const tooLarge = sender.send(new Uint8Array(65_508));
      receiver.close();
      sender.close();
      tell(
        t,
        largest === 65_507 && tooLarge < 0,
        `send returned ${largest} for 65,507 bytes and ${tooLarge} for 65,508`,
      );
    },
  },
  {
    number: "2.4",
    title: "connect without a listener",
    requirement: "A UDP connect succeeds with nobody listening.",
    source: "connect(2)",
    async run(t) {
      const socket = plainSocket();
      const result = socket.connect(await deadPort());
      socket.close();
      tell(t, result === 0, `connect returned ${result}`);
    },
  },
  {
    number: "2.5",
    title: "a send to a closed port fails later",
    requirement:
      "A connected UDP socket reports ECONNREFUSED from ICMP, contrary to the belief that such a send never fails.",
    source: "udp(7), RFC 1122 4.1.3.3",
    async run(t) {
      const socket = plainSocket();
      socket.connect(await deadPort());
      const first = socket.send(Buffer.from("hello?"));
      await sleep(20);
      const second = socket.send(Buffer.from("hello?"));
      socket.close();
      tell(
        t,
        first === 6 && second < 0,
        `the first send took ${first} bytes, the second returned ${second} (errno ${ECONNREFUSED} is ECONNREFUSED)`,
      );
    },
  },
  {
    number: "2.6",
    title: "loss on loopback",
    requirement: "Loopback drops datagrams silently when the receive buffer is full.",
    source: "udp(7)",
    async run(t) {
      const receiver = plainSocket();
      const sender = plainSocket();
      sender.connect(receiver.bind());
      let sent = 0;
      for (let i = 0; i < 5000; i++) if (sender.send(new Uint8Array(100)) === 100) sent++;
      let came = 0;
      while (receiver.receive(new Uint8Array(100)) > 0) came++;
      const buffer = getOption(receiver.fd, "SO_RCVBUF");
      receiver.close();
      sender.close();
      tell(t, came < sent, `send accepted ${sent} datagrams, ${came} arrived (SO_RCVBUF ${buffer})`);
    },
  },
  {
    number: "2.7",
    title: "an empty datagram",
    requirement: "An empty datagram is delivered.",
    source: "RFC 768",
    async run(t) {
      const receiver = plainSocket();
      const sender = plainSocket();
      sender.connect(receiver.bind());
      sender.send(new Uint8Array(1), 0);
      await sleep(5);
      const came = receiver.receive(new Uint8Array(10));
      receiver.close();
      sender.close();
      tell(t, came === 0, `recv returned ${came}: 0 is an empty datagram, -1 would be none`);
    },
  },
  {
    number: "3.1",
    title: "Sec-WebSocket-Accept",
    requirement: "Sec-WebSocket-Accept is base64(sha1(key + fixed GUID)).",
    source: "RFC 6455 1.3",
    async run(t) {
      const server = Bun.serve({
        hostname: "127.0.0.1",
        port: 0,
        fetch: (request, server) => (server.upgrade(request) ? undefined : new Response()),
        websocket: { message() {} },
      });
      const key = "dGhlIHNhbXBsZSBub25jZQ==";
      const response = await fetch(`http://127.0.0.1:${server.port}/`, {
        headers: {
          Upgrade: "websocket",
          Connection: "Upgrade",
          "Sec-WebSocket-Key": key,
          "Sec-WebSocket-Version": "13",
        },
      }).catch(() => undefined);
      const accept = response?.headers.get("sec-websocket-accept") ?? "none";
      await server.stop(true);
      tell(t, accept === acceptFor(key), `Bun.serve answered ${accept}`);
    },
  },
];
