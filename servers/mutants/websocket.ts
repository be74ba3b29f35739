#!/usr/bin/env bun
/**
 * A WebSocket echo by hand, with one fault: `bun servers/mutants/websocket.ts --fault takes-unmasked`. No library
 * would leave out a rule of RFC 6455, so the rules stand in websocket-handshake.ts and websocket-frames.ts in plain
 * sight, and each fault takes one out.
 */
import { flush, pending, send } from "../../platform/outbox.ts";
import { type Running, type ServerSpec, standalone, urlOf } from "../standalone.ts";
import { addFaultOption, withFault } from "./fault.ts";
import { type WebsocketEcho, websocketFaults } from "./websocket-faults.ts";
import { newConnection, plainFrames, type WsConnection } from "./websocket-frames.ts";
import { answerTo, plainHandshake } from "./websocket-handshake.ts";

function plainEcho(): WebsocketEcho {
  const echo = {} as WebsocketEcho;
  return Object.assign(echo, plainHandshake(echo), plainFrames(echo), {
    shake(socket, bytes) {
      const { data } = socket;
      data.head = echo.gather(data.head, bytes);
      const head = echo.readHead(data.head);
      if (!head) return;
      const { status, text } = answerTo(echo, head);
      send(data.outbox, socket, Buffer.from(text));
      if (status !== 101) return void socket.shutdown();
      data.open = true;
      if (data.head.length > head.end) echo.receiveFrames(socket, data.head.subarray(head.end));
    },
  } satisfies Pick<WebsocketEcho, "shake">);
}

export function startWebsocketMutant(options: { host: string; port: number; fault: string }): Running {
  const { host, port, fault } = options;
  const echo = withFault(plainEcho(), websocketFaults, fault);
  const listener = Bun.listen<WsConnection>({
    hostname: host,
    port,
    allowHalfOpen: true,
    socket: {
      open(socket) {
        socket.data = newConnection(echo.queueBytes);
      },
      data: (socket, bytes) =>
        socket.data.open ? echo.receiveFrames(socket, bytes) : echo.shake(socket, bytes),
      drain(socket) {
        flush(socket.data.outbox, socket);
        if (socket.data.closing && pending(socket.data.outbox) === 0) socket.shutdown();
      },
      end: (socket) => echo.ended(socket),
    },
  });
  return { url: urlOf("ws", host, listener.port, "/echo"), stop: () => listener.stop(true) };
}

export const websocketMutant: ServerSpec = {
  summary: "WebSocket echo by hand with one fault",
  protocol: () => "echo over WebSocket",
  port: () => 5657,
  options: (program) => addFaultOption(program, websocketFaults),
  start: ({ host, port, fault }) => startWebsocketMutant({ host, port, fault: String(fault) }),
};

if (import.meta.main) await standalone(websocketMutant);
