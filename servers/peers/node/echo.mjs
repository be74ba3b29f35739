// echo: a pong for each ping.
import { FramingError, Lines, MAX_LINE } from "./framing.mjs";
import { linger, tcpServer, writeInStep } from "./tcp.mjs";

const READ = 1_024;

function echoLines(socket) {
  const lines = new Lines(MAX_LINE);
  socket.on("data", (chunk) => {
    let pongs = 0;
    let ended = false;
    try {
      lines.feed(chunk, () => {
        pongs++;
      });
    } catch (error) {
      if (!(error instanceof FramingError)) throw error;
      ended = true;
    }
    if (pongs > 0) writeInStep(socket, "pong\n".repeat(pongs));
    if (ended) linger(socket);
  });
  socket.on("end", () => linger(socket));
}

/** Takes one read for one message, to show what comes of it. Node reads more than 1,024 bytes at once: count them. */
function echoReads(socket) {
  socket.on("data", (chunk) => writeInStep(socket, "pong".repeat(Math.ceil(chunk.length / READ))));
  socket.on("end", () => linger(socket));
}

export const protocol = {
  scheme: "tcp",
  port: 9000,
  flags: { unframed: { value: false } },
  create: ({ unframed }) => tcpServer(unframed ? echoReads : echoLines),
};
