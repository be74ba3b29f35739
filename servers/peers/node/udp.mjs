// A UDP socket and its sending, for the protocols over datagrams.
import dgram from "node:dgram";
import { isIP, isIPv6 } from "node:net";

const RECEIVE_BUFFER = 4 << 20; // a burst should wait, not be lost; the system may grant less
const MAX_UNSENT = 4 << 20;

// Every address here is a number already; asking the resolver for it would cost a turn of the loop a datagram.
const lookup = (address, _options, done) => done(null, address, isIPv6(address) ? 6 : 4);

/** `socket`, and a `send` that drops what the system does not take in time, as the network would. */
export function udpSocket(options) {
  const type = isIPv6(options.host) ? "udp6" : "udp4";
  const socket = dgram.createSocket({ type, lookup: isIP(options.host) ? lookup : undefined });
  socket.once("listening", () => {
    try {
      socket.setRecvBufferSize(RECEIVE_BUFFER);
    } catch {} // as much as the system grants
  });
  const send = (datagram, port, address) => {
    if (socket.getSendQueueSize() < MAX_UNSENT) socket.send(datagram, port, address, ignoreRefusal);
  };
  return { socket, send };
}

/** An ICMP error, or a full buffer: one lost datagram, never the end of the server. */
function ignoreRefusal() {}
