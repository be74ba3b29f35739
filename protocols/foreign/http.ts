/** HTTP/1.1 (RFC 9112): a body that is sent by POST to /echo comes back; the header around it is the server's affair. */
import { defineProtocol, type Unit } from "sockbench/protocol";

const MAX_HEADER_BYTES = 65_536;

/** The header, and as much as its Content-Length tells. */
function replyEnd(bytes: Unit): number | undefined {
  const body = bodyAt(bytes);
  if (body === undefined) return undefined;
  const header = bytes.toString("latin1", 0, body).toLowerCase();
  const length = /\r\ncontent-length: ?(\d{1,9})\r\n/.exec(header);
  if (!length) throw new Error("a reply without Content-Length (in chunks, say) is not read here");
  return body + Number(length[1]);
}

function bodyAt(bytes: Unit): number | undefined {
  const end = bytes.subarray(0, MAX_HEADER_BYTES).indexOf("\r\n\r\n");
  if (end < 0 && bytes.length >= MAX_HEADER_BYTES) throw new Error("a reply with a header without an end");
  return end < 0 ? undefined : end + 4;
}

export default defineProtocol({
  name: "http",
  port: 8080,
  framing: replyEnd,
  request: {
    ask: (_, bytes) => ({
      prefix: `POST /echo HTTP/1.1\r\nHost: sockbench\r\nContent-Type: text/plain\r\nContent-Length: ${bytes}\r\n\r\n`,
    }),
    answer: (_, bytes) => ({ prefix: `HTTP/1.1 200 OK\r\nContent-Length: ${bytes}\r\n\r\n` }),
    find: (unit) =>
      unit.toString("latin1", 0, 13) === "HTTP/1.1 200 "
        ? { body: [bodyAt(unit) ?? 0, unit.length] }
        : undefined,
    // Pipelining (9.3.2) is for those who ask for it: --window.
    oneAtATime: true,
  },
  promises: { binary: true },
});
