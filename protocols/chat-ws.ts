/** The chat room over WebSocket, and the rules by which its hub keeps and evicts clients. */
import { defineProtocol } from "./define.ts";
import { wsMessage } from "./framing.ts";

export const CHAT_WS_PORT = 8080;
export const CHAT_WS_PATH = "/ws";
/** Most bytes of one message. */
export const MAX_MESSAGE_BYTES = 65_536;
/** Most bytes that wait for a client who does not read; past it the client is evicted. */
export const MAX_QUEUE_BYTES = 1_048_576;
/** Most bytes that the room keeps for all such clients together; past it those who are furthest behind go. */
export const MAX_ROOM_BYTES = 33_554_432;
/** Seconds from ping to ping, and of silence until a client is taken for dead. */
export const PING_SECONDS = 54;
export const SILENCE_SECONDS = 60;

/** RFC 6455 7.4.1, as they are used here. */
export const closeCodes = { goingAway: 1001, noBinary: 1003, evicted: 1008, tooLong: 1009 } as const;

/** What stands before each relayed message, and behind it. */
export const relayedPrefix = (address: string): string => `[${address}]: `;
export const RELAYED_SUFFIX = "\n";

export const chatWs = defineProtocol({
  name: "chat/ws",
  port: CHAT_WS_PORT,
  path: CHAT_WS_PATH,
  framing: wsMessage(),
  room: {
    say: () => ({}),
    hear: (_topic, _bytes, { address }) => ({ prefix: relayedPrefix(address), suffix: RELAYED_SUFFIX }),
  },
  promises: { queueBytes: MAX_QUEUE_BYTES },
});
