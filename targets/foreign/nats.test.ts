/** NATS's traps, on a real nats-server: what a client that does not know them would measure instead. */
import { afterEach, expect } from "bun:test";
import { expect as awaited, send } from "../../protocol.ts";
import { addProtocol, protocolOf, removeProtocol } from "../../protocols/index.ts";
import { connected, room, started, withServer } from "./testing.ts";

const CONNECT = (options: object) => `CONNECT ${JSON.stringify(options)}\r\n`;
/** Settings that no flag of nats-server has. */
const configured = (settings: string) => (command: string) =>
  `printf '${settings}' > {dir}/conf && ${command} -c {dir}/conf`;

const VERBOSE = "nats/verbose";
afterEach(() => removeProtocol(VERBOSE));

withServer(
  "nats",
  "CONNECT {} means verbose: +OK for each message, which is no delivery and no fault",
  async () => {
    const server = await started("nats");
    const client = await connected(server);
    client.write(`${CONNECT({})}SUB a 1\r\nPUB a 2\r\nhi\r\n`);
    const oks = () => client.text().match(/\+OK/g)?.length;
    await client.until(() => oks() === 3 && client.text().includes("\r\nhi\r\n"), "an answer to each");

    addProtocol({
      ...protocolOf("nats"),
      name: VERBOSE,
      *open({ topic }) {
        yield awaited(/^INFO /);
        yield send(`${CONNECT({ verbose: true, echo: false })}SUB ${topic} 1\r\nPING\r\n`);
        yield awaited(/^PONG/);
      },
    });
    const drive = await room(server, VERBOSE);
    expect((await drive.slice(50)).done).toBeGreaterThan(0);
    const { counts } = await drive.finish();
    expect(counts.delivered).toBe(counts.expected);
    expect(counts).toMatchObject({ lost: 0, corrupt: 0, unexpected: 0, duplicated: 0 });
  },
);

withServer("nats", "its PING is answered: who does not answer is cut off, and the room stays", async () => {
  const server = await started("nats", configured('ping_interval: "200ms"\\nping_max: 1\\n'));
  const drive = await room(server, "nats");
  const silent = await connected(server);
  silent.write(CONNECT({ verbose: false }));
  await silent.untilClosed();
  expect(silent.text()).toContain("PING\r\n");
  expect(silent.text()).toContain("Stale Connection");
  expect(drive.broken()).toBe(false);
  expect((await drive.slice(50)).done).toBeGreaterThan(0);
  const { counts, connectionsLost } = await drive.finish();
  expect(counts.delivered).toBe(counts.expected);
  expect(connectionsLost.count).toBe(0);
});

withServer(
  "nats",
  "a fast producer is not cut off and loses nothing; a consumer that does not read is cut off, and nobody else notices",
  async () => {
    const server = await started(
      "nats",
      configured('max_payload: 65536\\nmax_pending: 262144\\nwrite_deadline: "1s"\\n'),
    );
    const stuck = await connected(server);
    stuck.write(`${CONNECT({ verbose: false })}SUB flood 1\r\nPING\r\n`);
    await stuck.untilEnd("PONG\r\n");
    stuck.socket.pause();
    const bystander = await connected(server);
    bystander.write(`${CONNECT({ verbose: false })}SUB flood 1\r\nPING\r\n`);
    await bystander.untilEnd("PONG\r\n");
    const producer = await connected(server);
    producer.write(CONNECT({ verbose: false }));
    // More than the kernel keeps for one connection, both ways.
    const [count, bytes] = [24_000, 1024];
    const message = `PUB flood ${bytes}\r\n${"x".repeat(bytes)}\r\n`;
    for (let sent = 0; sent < count; sent += 1000) await producer.send(message.repeat(1000));
    producer.write("PING\r\n");
    await producer.untilEnd("PONG\r\n");
    const delivery = `MSG flood 1 ${bytes}\r\n${"x".repeat(bytes)}\r\n`.length;
    const before = Buffer.byteLength(bystander.text().split("MSG ")[0]);
    await bystander.until(() => bystander.received() >= before + count * delivery, "all that was said");
    stuck.socket.resume();
    await stuck.untilClosed();
    expect(stuck.received()).toBeLessThan(count * delivery);
    expect(producer.text()).not.toContain("-ERR");
  },
);
