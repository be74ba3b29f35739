/** NATS, its client protocol (docs.nats.io): a subject is a room; a request goes by a subject of the connection's own. */
import { defineProtocol, expect, ignore, send, type Unit } from "sockbench/protocol";

/** A line, and behind that of a MSG the payload, whose length stands last in it. */
function unitEnd(bytes: Unit): number | undefined {
  const line = bytes.indexOf("\r\n");
  if (line < 0) return undefined;
  const isMessage = bytes.subarray(0, 4).equals(MSG);
  return (
    line + 2 + (isMessage ? Number(bytes.toString("latin1", bytes.lastIndexOf(" ", line), line)) + 2 : 0)
  );
}

const MSG = Buffer.from("MSG ");
const inbox = ({ topic, index }: { topic: string; index: number }) => `${topic}.${index}`;
const published = (subject: string, bytes: number) => ({
  prefix: `PUB ${subject} ${bytes}\r\n`,
  suffix: "\r\n",
});
const delivered = (subject: string, bytes: number) => ({
  prefix: `MSG ${subject} 1 ${bytes}\r\n`,
  suffix: "\r\n",
});

export default defineProtocol({
  name: "nats",
  port: 4222,
  framing: unitEnd,
  *open(me) {
    const { role, topic, user, password } = me;
    yield expect(/^INFO /);
    // Left out, verbose is true: then each message is answered by +OK. A room's sender does not hear itself.
    const options = { verbose: false, pedantic: false, echo: role === "client", name: "sockbench" };
    yield send(`CONNECT ${JSON.stringify({ ...options, ...(user && { user, pass: password }) })}\r\n`);
    yield send(`SUB ${role === "client" ? inbox(me) : topic} 1\r\nPING\r\n`);
    yield expect(/^PONG/);
  },
  control(unit) {
    const word = unit.toString("latin1", 0, 5);
    if (word.startsWith("PING")) return "PONG\r\n";
    return /^(PONG|INFO|\+OK)/.test(word) ? ignore : undefined;
  },
  room: { say: published, hear: delivered },
  request: {
    perConnection: true,
    ask: (_, bytes, me) => published(inbox(me), bytes),
    answer: (_, bytes, me) => delivered(inbox(me), bytes),
  },
  promises: {
    echoesToSender: false,
    ordered: "per sender",
    binary: true,
    // max_pending, by default; a write that takes over 10 s (write_deadline) ends a connection too.
    queueBytes: 67_108_864,
  },
});
