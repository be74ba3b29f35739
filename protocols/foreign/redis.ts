/** Redis, RESP2 (redis.io, "Redis serialization protocol"): a room by pub/sub, and requests by ECHO. */
import {
  type Bytes,
  defineProtocol,
  expect,
  ignore,
  type Protocol,
  send,
  type Unit,
} from "sockbench/protocol";

/** How many values follow for each that a type counts; a type with a length has so many bytes instead. */
const counting: Record<string, number> = { "*": 1, ">": 1, "~": 1, "%": 2 };
const sized = "$=!";
/** More values than any reply here has: a server that claims more is not followed. */
const MAX_VALUES = 256;

/** Where as many values end as have been begun. */
export function replyEnd(bytes: Unit): number | undefined {
  let at = 0;
  let left = 1;
  for (let values = 0; left > 0; values++, left--) {
    const line = bytes.indexOf("\r\n", at);
    if (line < 0) return undefined;
    const type = String.fromCharCode(bytes[at]);
    const count = Number(bytes.toString("latin1", at + 1, line));
    at = line + 2;
    if (sized.includes(type) && count >= 0) at += count + 2;
    if (type in counting) left += Math.max(0, count) * counting[type];
    if (!(left + values <= MAX_VALUES)) throw new Error(`a reply of more than ${MAX_VALUES} values`);
  }
  return at;
}

const bulk = (text: string) => `$${text.length}\r\n${text}\r\n`;
const command = (...words: string[]): Bytes => `*${words.length}\r\n${words.map(bulk).join("")}`;
/** A command or a push whose last word is the message. */
const around = (type: string, words: string[], bytes: number) => ({
  prefix: `${type}${words.length + 1}\r\n${words.map(bulk).join("")}$${bytes}\r\n`,
  suffix: "\r\n",
});

export const redis = (name: string, version: 2 | 3): Protocol =>
  defineProtocol({
    name,
    port: 6379,
    framing: replyEnd,
    separatePublishers: true,
    *open({ role, topic, user, password }) {
      const login = [...(user && [user]), ...(password && [password])];
      if (version === 3) {
        yield send(command("HELLO", "3", ...(password ? ["AUTH", user || "default", password] : [])));
        yield expect(/^%/);
      } else if (password) {
        yield send(command("AUTH", ...login));
        yield expect(/^\+OK/);
      }
      if (role !== "subscriber") return;
      yield send(command("SUBSCRIBE", topic));
      yield expect(/^[*>]3\r\n\$9\r\nsubscribe/);
    },
    // To how many it was published: it comes for every message, in the publisher's stream.
    control: (unit) => (/^:\d+\r\n$/.test(unit.toString("latin1", 0, 16)) ? ignore : undefined),
    room: {
      say: (topic, bytes) => around("*", ["PUBLISH", topic], bytes),
      hear: (topic, bytes) => around(version === 3 ? ">" : "*", ["message", topic], bytes),
    },
    request: {
      ask: (_, bytes) => around("*", ["ECHO"], bytes),
      answer: (_, bytes) => ({ prefix: `$${bytes}\r\n`, suffix: "\r\n" }),
    },
    // client-output-buffer-limit pubsub 32mb 8mb 60: the lower bound, whose time is not known from outside.
    promises: { echoesToSender: true, ordered: "per sender", binary: true, queueBytes: 8_388_608 },
  });

export default redis("redis", 2);
