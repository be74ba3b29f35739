/** What waits for WebSockets that do not read, with sockets that say how much that is. */
import { expect, test } from "bun:test";
import type { ServerWebSocket } from "bun";
import { createBacklog } from "./ws-backlog.ts";

/** A socket that reads nothing, and how it was ended: a close code, or a reset. */
function deafSocket(log: string[], name: string, onClose: (socket: ServerWebSocket) => void) {
  let buffered = 0;
  const end = (how: string) => {
    log.push(`${name} ${how}`);
    buffered = 0;
    onClose(socket);
  };
  const socket = {
    getBufferedAmount: () => buffered,
    send(message: string) {
      buffered += message.length;
      return -1;
    },
    close: (code: number) => end(String(code)),
    terminate: () => end("reset"),
    /** Reads some of it. */
    read(bytes: number) {
      buffered -= bytes;
    },
  } as unknown as ServerWebSocket & { read: (bytes: number) => void };
  return socket;
}

function start(each: number, all: number) {
  const log: string[] = [];
  const backlog = createBacklog<undefined>(each, all);
  return { log, backlog, socket: (name: string) => deafSocket(log, name, backlog.gone) };
}

const message = (bytes: number) => "x".repeat(bytes);

test("a message fits where nothing waits; with what waits it must stay below the limit", () => {
  const { log, backlog, socket } = start(100, 1000);
  const [a, b] = [socket("a"), socket("b")];
  backlog.send(a, message(100));
  backlog.send(b, message(60));
  backlog.send(b, message(40));
  expect([log, a.getBufferedAmount(), b.getBufferedAmount()]).toEqual([[], 100, 100]);
  backlog.send(a, message(1));
  expect(log).toEqual(["a 1008"]);
  b.read(50);
  backlog.send(b, message(50));
  expect([log, backlog.closed()]).toEqual([["a 1008"], 1]);
});

test("past the bound for all the fullest is closed, and nobody else", () => {
  const { log, backlog, socket } = start(100, 200);
  const [a, b, c] = [socket("a"), socket("b"), socket("c")];
  backlog.send(a, message(60));
  backlog.send(b, message(90));
  backlog.send(c, message(50));
  expect(log).toEqual([]);
  backlog.send(a, message(10));
  expect(log).toEqual(["b 1008"]);
  expect([a, b, c].map((socket) => socket.getBufferedAmount())).toEqual([70, 0, 50]);
});

test("what has been read is not counted any more", () => {
  const { log, backlog, socket } = start(100, 200);
  for (let i = 0; i < 10; i++) {
    const reader = socket(`${i}`);
    backlog.send(reader, message(90));
    reader.read(90);
    backlog.drained(reader);
  }
  expect(log).toEqual([]);
});

test("those that are being closed are bounded too: past it they are reset", () => {
  const { log, backlog, socket } = start(100, 200);
  for (let i = 0; i < 7; i++) backlog.send(socket(`${i}`), message(100));
  expect(log).toEqual(["0 1008", "1 1008", "2 reset", "3 reset", "4 reset"]);
});
