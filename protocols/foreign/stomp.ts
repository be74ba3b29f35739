/** STOMP 1.2 (stomp.github.io): a destination is a room. A delivery's header differs from message to message. */
import { defineProtocol, expect, ignore, send } from "sockbench/protocol";

const LINE_END = 10;
const MAX_HEADER_BYTES = 16_384;

/** A frame ends with NUL behind its body; line ends between frames are heartbeats, each a unit of its own. */
function frameEnd(bytes: Buffer): number | undefined {
  if (bytes[0] === LINE_END) return 1;
  const body = bodyAt(bytes);
  if (body === undefined) return undefined;
  const length = /\ncontent-length:(\d{1,9})\n/.exec(bytes.toString("latin1", 0, body));
  if (length) return body + Number(length[1]) + 1;
  const end = bytes.indexOf(0, body);
  return end < 0 ? undefined : end + 1;
}

function bodyAt(bytes: Buffer): number | undefined {
  const end = bytes.subarray(0, MAX_HEADER_BYTES).indexOf("\n\n");
  if (end < 0 && bytes.length >= MAX_HEADER_BYTES) throw new Error("a frame with a header without an end");
  return end < 0 ? undefined : end + 2;
}

const frame = (command: string, headers: Record<string, string | number>) =>
  `${[command, ...Object.entries(headers).map(([name, value]) => `${name}:${value}`)].join("\n")}\n\n`;
const destination = (topic: string) => `/topic/${topic}`;

export default defineProtocol({
  name: "stomp",
  port: 61_613,
  framing: frameEnd,
  *open({ topic, user, password, host }) {
    const login = user ? { login: user, passcode: password } : {};
    yield send(`${frame("CONNECT", { "accept-version": "1.2", host, "heart-beat": "0,0", ...login })}\0`);
    yield expect(/^CONNECTED\n/);
    yield send(`${frame("SUBSCRIBE", { id: 0, destination: destination(topic), receipt: "in" })}\0`);
    yield expect(/^RECEIPT\n(?:.*\n)*receipt-id:in\n/);
  },
  control: (unit) => (unit[0] === LINE_END ? ignore : undefined),
  room: {
    say: (topic, bytes) => ({
      prefix: frame("SEND", { destination: destination(topic), "content-length": bytes }),
      suffix: "\0",
    }),
    hear: (topic, bytes) => ({
      prefix: frame("MESSAGE", {
        subscription: 0,
        "message-id": 1,
        destination: destination(topic),
        "content-length": bytes,
      }),
      suffix: "\0",
    }),
    find: (unit) =>
      unit.subarray(0, 8).equals(MESSAGE) ? ([bodyAt(unit) ?? 0, unit.length - 1] as const) : undefined,
  },
  promises: { echoesToSender: true, ordered: "per sender", binary: true },
});

const MESSAGE = Buffer.from("MESSAGE\n");
