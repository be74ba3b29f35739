// sum/tcp: JSON objects with no separator, however they are split; replies in their order.
import { FramingError, Objects } from "./framing.mjs";
import { seconds } from "./standalone.mjs";
import { answer, errors, failed, MAX_REQUEST } from "./sum.mjs";
import { linger, tcpServer, writeInStep } from "./tcp.mjs";

function serve(socket, idleTimeout) {
  const objects = new Objects(MAX_REQUEST);
  socket.setTimeout(idleTimeout * 1_000, () => socket.destroy());

  socket.on("data", (chunk) => {
    let replies = "";
    let ended = false;
    const say = ({ ok, reply }) => {
      replies += `${reply}\n`;
      ended = !ok; // an error is the last reply
      return ok;
    };
    try {
      objects.feed(chunk, (request) => say(answer(request)));
    } catch (error) {
      if (!(error instanceof FramingError)) throw error;
      say(failed(error.code === "too long" ? errors.tooLong : errors.request));
    }
    if (replies !== "") writeInStep(socket, replies);
    if (ended) linger(socket);
  });
  socket.on("end", () => {
    if (objects.cutShort) socket.write(`${failed(errors.cutShort).reply}\n`);
    linger(socket);
  });
}

export const protocol = {
  scheme: "tcp",
  port: 5656,
  flags: { "idle-timeout": { value: 30, parse: seconds } },
  create: (options) => tcpServer((socket) => serve(socket, options["idle-timeout"])),
};
