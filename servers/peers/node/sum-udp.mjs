// sum/udp: one request a datagram, one reply to where it came from, with the caller's Id.
import { answer } from "./sum.mjs";
import { udpSocket } from "./udp.mjs";

export const protocol = {
  scheme: "udp",
  port: 5656,
  create: (options) => {
    const { socket, send } = udpSocket(options);
    socket.on("message", (request, from) => send(answer(request, true).reply, from.port, from.address));
    return { server: socket };
  },
};
