/** Datagrams that are sent together arrive at their destinations, whole and in order. */
import { expect, test } from "bun:test";
import { createDatagrams, destinationOf } from "./datagrams.ts";

const LIMIT = 8;

async function receiver(hostname: string) {
  const received: string[] = [];
  const all = Promise.withResolvers<void>();
  const socket = await Bun.udpSocket({
    hostname,
    socket: {
      data(_, payload) {
        if (received.push(payload.toString()) === LIMIT / 2) all.resolve();
      },
    },
  });
  return { socket, received, all: all.promise };
}

test.skipIf(process.platform !== "linux").each(["127.0.0.1", "::1"])(
  "to two destinations at %s, one system call",
  async (hostname) => {
    const [a, b, sender] = await Promise.all([hostname, hostname, hostname].map(receiver));
    const datagrams = createDatagrams(LIMIT);
    const destinations = [a, b].map(({ socket }) => destinationOf(hostname, socket.port)!);
    const texts = Array.from({ length: LIMIT / 2 }, (_, i) => `${i} `.padEnd(i * 200, "."));
    for (const text of texts) {
      const bytes = Buffer.from(text);
      for (const to of destinations) datagrams.add(bytes, to);
    }
    expect(datagrams.count()).toBe(LIMIT);
    expect(datagrams.sendFrom(sender.socket, 0)).toBe(LIMIT);
    datagrams.clear();
    expect(datagrams.count()).toBe(0);
    await Promise.all([a.all, b.all]);
    expect([a.received, b.received]).toEqual([texts, texts]);
    for (const { socket } of [a, b, sender]) socket.close();
  },
);

test("what is no address is no destination", () => {
  expect(destinationOf("example.org", 1)).toBeUndefined();
});
