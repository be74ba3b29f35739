/**
 * A protocol of one's own for sockbench: JSON objects, each behind its length (4 bytes, big-endian).
 *
 *   client: {"join":"lobby"}                       server: {"joined":"lobby"}
 *   client: {"say":"hello"}                        everyone else in the room: {"heard":"hello"}
 *   client: {"id":7,"echo":"hello"}                server: {"id":7,"echo":"hello"}
 *   server, now and then: {"ping":1}               client: {"pong":1}
 */
import { defineProtocol, expect, ignore, lengthPrefixed, send } from "sockbench/protocol";

export default defineProtocol({
  name: "length-json",
  // Where does a unit end? The length is written and taken off here: everything below is the JSON alone.
  framing: lengthPrefixed({ bytes: 4, endian: "big" }),

  // How a connection becomes a member. The topic is new for each sample, so that samples do not hear each other.
  *open({ topic }) {
    yield send(JSON.stringify({ join: topic }));
    yield expect(/^\{"joined":/);
  },

  // What is no message, at any place of the stream: bytes that answer it, ignore, or undefined for what is not known.
  control(unit) {
    const text = unit.toString();
    if (text.startsWith('{"ping":')) return text.replace("ping", "pong");
    return text.startsWith('{"notice":') ? ignore : undefined;
  },

  // What stands around a message (text without quotes or backslashes) when it is said, and when it is heard.
  room: {
    say: () => ({ prefix: '{"say":"', suffix: '"}' }),
    hear: () => ({ prefix: '{"heard":"', suffix: '"}' }),
  },
  request: {
    ask: (id) => ({ prefix: `{"id":${id},"echo":"`, suffix: '"}' }),
    answer: (id) => ({ prefix: `{"id":${id},"echo":"`, suffix: '"}' }),
  },
  promises: { echoesToSender: false, ordered: "per sender" },
});
