/** STOMP 1.2 (stomp.github.io): a destination is a room. A delivery's header differs from message to message. */
import { defineProtocol, expect, ignore, send } from "sockbench/protocol";
import { bodyAt, frameEnd, frameHead, isHeartbeat, writeFrame } from "./stomp-frames.ts";

const MESSAGE = Buffer.from("MESSAGE\n");
const destination = (topic: string) => `/topic/${topic}`;

export default defineProtocol({
  name: "stomp",
  port: 61_613,
  framing: frameEnd,
  *open({ topic, user, password, host }) {
    const login = user ? { login: user, passcode: password } : {};
    yield send(writeFrame("CONNECT", { "accept-version": "1.2", host, "heart-beat": "0,0", ...login }));
    yield expect(/^CONNECTED\r?\n/);
    yield send(writeFrame("SUBSCRIBE", { id: 0, destination: destination(topic), receipt: "in" }));
    yield expect(/^RECEIPT\r?\n/);
  },
  control: (unit) => (isHeartbeat(unit) ? ignore : undefined),
  room: {
    say: (topic, bytes) => ({
      prefix: frameHead("SEND", { destination: destination(topic), "content-length": bytes }),
      suffix: "\0",
    }),
    hear: (topic, bytes) => ({
      prefix: frameHead("MESSAGE", {
        subscription: 0,
        "message-id": 1,
        destination: destination(topic),
        "content-length": bytes,
      }),
      suffix: "\0",
    }),
    find: (unit) =>
      unit.subarray(0, MESSAGE.length).equals(MESSAGE) ? [bodyAt(unit) ?? 0, unit.length - 1] : undefined,
  },
  promises: { echoesToSender: true, ordered: "per sender", binary: true, queueBytes: 1_048_576 },
});
