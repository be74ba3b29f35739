#!/usr/bin/env bun
/** HTTP/1.1 echo by Bun.serve: `bun servers/foreign/http.ts --port 8080`. What is sent by POST to /echo comes back. */
import { listenBounded } from "../listen.ts";
import {
  listeningUrl,
  listenOn,
  type Running,
  type ServerSpec,
  standalone,
  type Where,
} from "../standalone.ts";

const MAX_BODY_BYTES = 1_048_576;

export function startHttp(options: Where): Running {
  const { listener, stop } = listenBounded(() =>
    Bun.serve({
      ...listenOn(options),
      maxRequestBodySize: MAX_BODY_BYTES,
      async fetch(request) {
        const isEcho = request.method === "POST" && new URL(request.url).pathname === "/echo";
        return isEcho ? new Response(await request.bytes()) : new Response("not found\n", { status: 404 });
      },
    }),
  );
  return {
    url: listeningUrl("tcp", options, listener.port ?? 0),
    stop() {
      stop();
      return listener.stop(true);
    },
  };
}

export const httpServer: ServerSpec = {
  summary: "HTTP/1.1: POST /echo",
  protocol: () => "http",
  port: () => 8080,
  streams: true,
  start: startHttp,
};

export default httpServer;
if (import.meta.main) await standalone(httpServer);
