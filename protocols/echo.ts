/** Echo: a pong for a ping, by the line or, as the tutorial has it, by the read. */
import { defineProtocol } from "./define.ts";
import { lines } from "./framing.ts";
import type { Exchanged } from "./protocol.ts";

export const ECHO_PORT = 9000;
export const PONG = "pong";
/** The unframed variant's receive buffer. */
export const UNFRAMED_READ_BYTES = 1024;

const ping: Exchanged = { name: "ping", request: Buffer.from("ping\n"), reply: Buffer.from(`${PONG}\n`) };

export const echo = defineProtocol({
  name: "echo",
  port: ECHO_PORT,
  framing: lines(),
  dialogue: { corpus: [ping], random: () => () => ping },
});
