// How a TCP protocol accepts connections and how it lets go of them.
import net from "node:net";

const LINGER_MS = 1_000;

/** A server that gives each connection to `handle`, and whose stop closes them all. */
export function tcpServer(handle) {
  const open = new Set();
  // A client that has sent all may still want to read, so the half of the connection that it closed is its own half.
  const server = net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    if (socket.remoteAddress === undefined) return socket.destroy(); // gone before it was accepted
    open.add(socket);
    socket.on("close", () => open.delete(socket));
    socket.on("error", () => {}); // "close" follows
    handle(socket);
  });
  const stop = () => {
    server.close();
    for (const socket of open) socket.destroy();
  };
  return { server, stop };
}

/**
 * Ends a connection so that the peer can read the last words: what it still sends is read and dropped for a while.
 * Closing while unread bytes wait makes the kernel send RST, which may overtake them (RFC 1122, 4.2.2.13).
 */
export function linger(socket, withinMs = LINGER_MS) {
  if (socket.destroyed) return;
  socket.end();
  socket.removeAllListeners("data");
  socket.resume();
  const timer = setTimeout(() => socket.destroy(), withinMs);
  socket.once("close", () => clearTimeout(timer));
}

/** Writes, and reads no more until the peer has taken it. */
export function writeInStep(socket, data) {
  if (socket.write(data)) return;
  socket.pause();
  socket.once("drain", () => socket.resume());
}
