/** What is reserved (RFC 6455 5.2, 5.1): undefined bits and opcodes, and unmasked frames. */
import { encodeFrame, FIN, opcodes } from "../../protocols/websocket.ts";
import { breaks, type RfcRule } from "./rules.ts";

const RSV1 = 0x40;
const RSV2 = 0x20;
const RSV3 = 0x10;
const { text, binary, continuation, ping, close } = opcodes;

const bits: RfcRule[] = (
  [
    ["5.1", "RSV1 on a text message", [FIN | RSV1 | text]],
    ["5.2", "RSV2 on a text message", [FIN | RSV2 | text]],
    ["5.3", "RSV3 on a text message", [FIN | RSV3 | text]],
    ["5.4", "all RSV bits on a binary message", [FIN | RSV1 | RSV2 | RSV3 | binary]],
    ["5.5", "RSV1 on a ping", [FIN | RSV1 | ping]],
    ["5.6", "RSV2 on a close", [FIN | RSV2 | close]],
    ["5.7", "RSV3 on a continuation", [text, FIN | RSV3 | continuation]],
  ] as const
).map(([number, title, firsts]) =>
  breaks(
    number,
    "5.2",
    title,
    "A reserved bit without a negotiated extension MUST fail the connection.",
    (alice) => {
      for (const first of firsts) alice.send(first, "");
    },
  ),
);

const reservedOpcodes: RfcRule[] = [3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map((opcode, i) =>
  breaks(`5.${10 + i}`, "5.2", `opcode ${opcode}`, "An undefined opcode MUST fail the connection.", (alice) =>
    alice.send(FIN | opcode, ""),
  ),
);

const unmasked: RfcRule[] = (
  [
    ["6.1", "an unmasked text message", FIN | text, "bare"],
    ["6.2", "an unmasked binary message", FIN | binary, "bare"],
    ["6.3", "an unmasked empty text message", FIN | text, ""],
    ["6.4", "an unmasked ping", FIN | ping, "bare"],
    ["6.5", "an unmasked close", FIN | close, Uint8Array.of(3, 232)],
  ] as const
).map(([number, title, first, payload]) =>
  breaks(number, "5.1", title, "An unmasked frame from a client MUST fail the connection.", (alice) =>
    alice.sendRaw(encodeFrame(first, payload)),
  ),
);

export const reserved: RfcRule[] = [...bits, ...reservedOpcodes, ...unmasked];
