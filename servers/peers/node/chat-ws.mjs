// chat/ws: the hub. Who is connected, whose origin is welcome, and when a client is given up.
import { MAX_QUEUED } from "./outbox.mjs";
import { hostPort, seconds } from "./standalone.mjs";
import { notFound, webSocketServer } from "./websocket.mjs";

const MAX_TEXT = 65_536;
const EVICT_MS = 5_000; // for an evicted client to take what is queued for it
const LF = Buffer.from("\n");
const PAGE =
  '<!doctype html><meta charset="utf-8"><title>chat/ws</title><p>A WebSocket chat: connect to <code>/ws</code>.\n';

function originFlag(text, before) {
  if (text !== "null" && !URL.canParse(text)) throw new Error("not an origin, as https://example.org");
  return [...before, text.toLowerCase()];
}

/** Lets in what is no browser, the server's own page, and the origins the operator named (RFC 6455, 10.2). */
function originAllowed({ headers }, named) {
  const origin = headers.origin?.toLowerCase();
  if (origin === undefined || named.includes(origin)) return true;
  return /^https?:\/\//.test(origin) && origin.replace(/^https?:\/\//, "") === headers.host?.toLowerCase();
}

function page(request, response) {
  if (request.url.split("?", 1)[0] !== "/") return notFound(request, response);
  response.writeHead(200, { "content-type": "text/html; charset=utf-8" });
  response.end(PAGE);
}

/** Frames to one client within one turn of the event loop leave in one write: the socket is corked until its end. */
const corked = new Set();

function cork(socket) {
  if (corked.has(socket)) return;
  if (corked.size === 0) setImmediate(uncorkAll);
  corked.add(socket);
  socket.cork();
}

function uncorkAll() {
  for (const socket of corked) socket.uncork();
  corked.clear();
}

function hub(options) {
  const clients = new Set();

  const drop = (client, code, reason) => {
    clients.delete(client);
    client.ws.close(code, reason);
  };

  /** Unregisters a client at once, and closes it after what is queued; one that does not take that is cut off. */
  const evict = (client) => {
    const { ws, socket } = client;
    clients.delete(client);
    const cutOff = setTimeout(() => ws.terminate(), EVICT_MS);
    ws.once("close", () => clearTimeout(cutOff));
    socket.once("drain", () => ws.close(1008, "too slow: the send queue is full"));
  };

  const queue = (client, size, send) => {
    const { ws, socket } = client;
    cork(socket);
    if (ws.bufferedAmount + size > MAX_QUEUED) {
      socket.uncork(); // a client that is not behind takes it now
      socket.cork();
      if (ws.bufferedAmount + size > MAX_QUEUED) return evict(client);
    }
    send(ws);
  };

  const accept = (ws, socket) => {
    const client = { ws, socket };
    const prefix = Buffer.from(`[${hostPort(socket.remoteAddress, socket.remotePort)}]: `);
    const idle = setTimeout(
      () => drop(client, 1001, "nothing came for too long"),
      options["idle-timeout"] * 1_000,
    );
    const pings = setInterval(() => ws.ping(), options["ping-interval"] * 1_000);
    clients.add(client);

    socket.on("data", () => idle.refresh());
    ws.on("ping", (payload) => clients.has(client) && queue(client, payload.length, () => ws.pong(payload)));
    ws.on("message", (text, isBinary) => {
      if (!clients.has(client)) return; // it is being closed
      if (isBinary) return drop(client, 1003, "text messages only");
      const message = Buffer.concat([prefix, text, LF]);
      for (const other of clients) {
        if (other !== client) queue(other, message.length, (to) => to.send(message, { binary: false }));
      }
    });
    ws.on("close", () => {
      clients.delete(client);
      clearTimeout(idle);
      clearInterval(pings);
    });
  };

  return webSocketServer({
    routes: { "/ws": { maxPayload: MAX_TEXT, accept } },
    allowed: (request) => originAllowed(request, options["allow-origin"]),
    page,
  });
}

export const protocol = {
  scheme: "ws",
  port: 8080,
  path: "/ws",
  flags: {
    "ping-interval": { value: 54, parse: seconds },
    "idle-timeout": { value: 60, parse: seconds },
    "allow-origin": { value: [], parse: originFlag },
  },
  create: hub,
};
