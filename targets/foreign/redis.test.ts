/** Redis's traps, on a real redis-server. */
import { afterEach, expect } from "bun:test";
import { addProtocol, protocolOf, removeProtocol } from "../../protocols/index.ts";
import { connected, room, started, withServer } from "./testing.ts";

const words = (...list: string[]) =>
  `*${list.length}\r\n${list.map((word) => `$${word.length}\r\n${word}\r\n`).join("")}`;

const COUNTED = "redis/counted";
afterEach(() => removeProtocol(COUNTED));

withServer(
  "redis",
  ":N comes for each message, in the publisher's stream, and says how many it went to",
  async () => {
    const server = await started("redis");
    const redis = protocolOf("redis");
    const replies: string[] = [];
    addProtocol({
      ...redis,
      name: COUNTED,
      react(bytes, from, end, role) {
        replies.push(`${role} ${Buffer.from(bytes.subarray(from, end)).toString().trim()}`);
        return redis.react(bytes, from, end, role);
      },
    });
    const drive = await room(server, COUNTED, { connections: 7 });
    await drive.slice(30);
    const { counts } = await drive.finish();
    expect(counts.delivered).toBe(counts.expected);
    expect(counts).toMatchObject({ lost: 0, unexpected: 0 });
    // The last ones may still be on their way when the connections are closed.
    expect(replies.length).toBeGreaterThan(counts.sent * 0.9);
    expect(new Set(replies)).toEqual(new Set(["publisher :7"]));
  },
);

withServer(
  "redis",
  "in RESP2 a subscriber cannot publish; in RESP3 it can, and pushes are told from replies",
  async () => {
    const server = await started("redis");
    const old = await connected(server);
    old.write(words("SUBSCRIBE", "a"));
    await old.untilEnd(":1\r\n");
    old.write(words("PUBLISH", "a", "hi"));
    await old.until(() => old.text().includes("-ERR"), "a refusal");
    const young = await connected(server);
    young.write(words("HELLO", "3") + words("SUBSCRIBE", "b") + words("PUBLISH", "b", "hi"));
    await young.until(() => /\r\n:1\r\n>3\r\n\$7\r\nmessage|hi\r\n:1\r\n$/.test(young.text()), "both");
  },
);

withServer("redis", "the definition promises what Redis keeps for a subscriber by default", async () => {
  const client = await connected(await started("redis"));
  client.write(words("CONFIG", "GET", "client-output-buffer-limit"));
  await client.until(() => /pubsub \d+ \d+ \d+/.test(client.text()), "the limits");
  const [, hard, soft, seconds] = /pubsub (\d+) (\d+) (\d+)/.exec(client.text()) ?? [];
  expect([hard, soft, seconds].map(Number)).toEqual([33_554_432, 8_388_608, 60]);
  expect(protocolOf("redis").promises.queueBytes).toBe(Number(soft));
});

withServer(
  "redis",
  "a subscriber past the output buffer limit is disconnected, and the room notices nothing",
  async () => {
    const server = await started(
      "redis",
      (command) => `${command} --client-output-buffer-limit 'pubsub 262144 65536 60'`,
    );
    const stuck = await connected(server);
    stuck.write(words("SUBSCRIBE", "flood"));
    await stuck.untilEnd(":1\r\n");
    stuck.socket.pause();
    const drive = await room(server, "redis");
    const producer = await connected(server);
    const message = words("PUBLISH", "flood", "x".repeat(1024)).repeat(1000);
    // Nobody else hears it: 0 are reached once the one who does not read is gone.
    const gone = () => /(^|\n):0\r\n/.test(producer.text().slice(-64));
    for (let sent = 0; sent < 40 && !gone(); sent++) {
      await producer.send(message);
      const replies = (sent + 1) * 4000;
      await producer.until(() => producer.received() >= replies, "an answer to each");
    }
    expect(gone()).toBe(true);
    stuck.socket.resume();
    await stuck.untilClosed();
    expect((await drive.slice(30)).done).toBeGreaterThan(0);
    const { counts, connectionsLost } = await drive.finish();
    expect(counts.delivered).toBe(counts.expected);
    expect(connectionsLost.count).toBe(0);
  },
);
