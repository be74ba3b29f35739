// What both WebSocket protocols share: the HTTP server below them, and how a connection ends.
import http from "node:http";
import { WebSocketServer } from "ws";

const HANDSHAKE_MS = 5_000;
const CLOSE_MS = 1_000; // for a client to answer a close frame
const STOP_MS = 1_000;

/**
 * `routes` names for each path the largest message and `accept(ws, socket, request)`; `allowed(request)` may refuse an
 * origin; `page(request, response)` answers what is no upgrade.
 */
export function webSocketServer({ routes, allowed = () => true, page = notFound }) {
  const open = new Set();
  const endpoints = new Map(
    Object.entries(routes).map(([path, { maxPayload, accept }]) => [
      path,
      // ws answers pings at once and gives up a client with 60 unsent pongs; ours are bounded with all else we send.
      {
        accept,
        wss: new WebSocketServer({ noServer: true, maxPayload, autoPong: false, closeTimeout: CLOSE_MS }),
      },
    ]),
  );
  const pathOf = (request) => request.url.split("?", 1)[0];

  const server = http.createServer(
    { headersTimeout: HANDSHAKE_MS, requestTimeout: HANDSHAKE_MS, connectionsCheckingInterval: 500 },
    (request, response) => {
      if (!endpoints.has(pathOf(request))) return page(request, response);
      response.writeHead(426, { "content-type": "text/plain", upgrade: "websocket" });
      response.end("this is a WebSocket endpoint\n");
    },
  );
  server.on("upgrade", (request, socket, head) => {
    socket.on("error", () => {}); // "close" follows
    if (socket.remoteAddress === undefined) return socket.destroy(); // gone already
    const endpoint = endpoints.get(pathOf(request));
    if (endpoint === undefined) return refuse(socket, "404 Not Found");
    if (!allowed(request)) return refuse(socket, "403 Forbidden");
    socket.setNoDelay(true);
    endpoint.wss.handleUpgrade(request, socket, head, (ws) => {
      open.add(ws);
      ws.on("close", () => open.delete(ws));
      ws.on("error", () => {}); // ws has sent the close frame that the error asks for
      endpoint.accept(ws, socket, request);
    });
  });

  const stop = async () => {
    server.close();
    server.closeAllConnections();
    const closed = [...open].map((ws) => new Promise((resolve) => ws.once("close", resolve)));
    for (const ws of open) ws.close(1001, "the server stops");
    await Promise.race([Promise.all(closed), new Promise((resolve) => setTimeout(resolve, STOP_MS))]);
  };
  return { server, stop };
}

function refuse(socket, status) {
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}

export function notFound(_request, response) {
  response.writeHead(404, { "content-type": "text/plain" });
  response.end("not found\n");
}
