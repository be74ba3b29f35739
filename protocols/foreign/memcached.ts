/**
 * memcached, meta commands (its doc/protocol.txt, from 1.6): a request stores a value without an answer and gets it
 * back, so that every byte of the reply is known.
 */
import { defineProtocol, type Unit } from "sockbench/protocol";

/** A line, and behind that of a value (VA) its bytes. */
function replyEnd(bytes: Unit): number | undefined {
  const line = bytes.indexOf("\r\n");
  if (line < 0) return undefined;
  const value = /^VA (\d+) /.exec(bytes.toString("latin1", 0, Math.min(line, 32)));
  return line + 2 + (value ? Number(value[1]) + 2 : 0);
}

/** Kept this long: seconds. */
const SECONDS = 60;

export default defineProtocol({
  name: "memcached",
  port: 11_211,
  framing: replyEnd,
  request: {
    // q: what is stored as it should be is not answered. O: an opaque value that comes back.
    ask: (id, bytes, { topic, index }) => ({
      prefix: `ms ${topic}-${index}-${id} ${bytes} q T${SECONDS}\r\n`,
      suffix: `\r\nmg ${topic}-${index}-${id} v O${id}\r\n`,
    }),
    answer: (id, bytes) => ({ prefix: `VA ${bytes} O${id}\r\n`, suffix: "\r\n" }),
    perConnection: true,
  },
  promises: { binary: true },
});
