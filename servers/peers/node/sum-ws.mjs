// sum/ws: one request a message on /add, and a plain WebSocket echo on /echo for test suites.
import { MAX_QUEUED } from "./outbox.mjs";
import { seconds } from "./standalone.mjs";
import { answer, errors, failed } from "./sum.mjs";
import { webSocketServer } from "./websocket.mjs";

const MAX_ECHO = 16 << 20; // the suites' largest message (Autobahn case 9.1.6)

/** Replies with what `reply` makes of each message, in step with the client's reading. */
function converse(ws, idleTimeout, reply) {
  const idle = setTimeout(() => ws.close(1001, "no message for too long"), idleTimeout * 1_000);
  ws.on("close", () => clearTimeout(idle));

  const resume = () => {
    if (ws.bufferedAmount <= MAX_QUEUED) ws.resume();
  };
  const inStep = (send) => {
    if (ws.readyState !== ws.OPEN) return;
    send();
    if (ws.bufferedAmount > MAX_QUEUED) ws.pause();
  };
  ws.on("message", (data, isBinary) => {
    idle.refresh();
    const message = reply(data, isBinary);
    inStep(() => ws.send(message, { binary: message === data && isBinary }, resume));
  });
  ws.on("ping", (payload) => inStep(() => ws.pong(payload, false, resume)));
}

const same = (data) => data;
const add = (data, isBinary) => (isBinary ? failed(errors.request) : answer(data)).reply;

export const protocol = {
  scheme: "ws",
  port: 5657,
  path: "/add",
  flags: { "idle-timeout": { value: 20, parse: seconds } },
  // There is nothing here that a foreign page could take, so any origin may ask.
  create: (options) =>
    webSocketServer({
      routes: {
        "/add": { maxPayload: 65_536, accept: (ws) => converse(ws, options["idle-timeout"], add) },
        "/echo": { maxPayload: MAX_ECHO, accept: (ws) => converse(ws, options["idle-timeout"], same) },
      },
    }),
};
