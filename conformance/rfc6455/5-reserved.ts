/** What is reserved (RFC 6455 5.2, 5.1): bits and opcodes without a meaning, and frames without a mask. */
import { encodeFrame, FIN, opcodes } from "../../protocols/websocket.ts";
import { breaks, type RfcRule } from "./rules.ts";

const RSV1 = 0x40;
const RSV2 = 0x20;
const RSV3 = 0x10;
const { text, binary, continuation, ping, close } = opcodes;

const bits: RfcRule[] = (
  [
    ["5.1", "RSV1 on a text", [FIN | RSV1 | text]],
    ["5.2", "RSV2 on a text", [FIN | RSV2 | text]],
    ["5.3", "RSV3 on a text", [FIN | RSV3 | text]],
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
    "A reserved bit without an extension for it MUST fail the connection.",
    (alice) => {
      for (const first of firsts) alice.send(first, "");
    },
  ),
);

const reservedOpcodes: RfcRule[] = [3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map((opcode, i) =>
  breaks(
    `5.${10 + i}`,
    "5.2",
    `opcode ${opcode}`,
    "An opcode that is not defined MUST fail the connection.",
    (alice) => alice.send(FIN | opcode, ""),
  ),
);

const unmasked: RfcRule[] = (
  [
    ["6.1", "a text without a mask", FIN | text, "bare"],
    ["6.2", "a binary message without a mask", FIN | binary, "bare"],
    ["6.3", "an empty text without a mask", FIN | text, ""],
    ["6.4", "a ping without a mask", FIN | ping, "bare"],
    ["6.5", "a close without a mask", FIN | close, Uint8Array.of(3, 232)],
  ] as const
).map(([number, title, first, payload]) =>
  breaks(number, "5.1", title, "A client's frame without a mask MUST fail the connection.", (alice) =>
    alice.sendRaw(encodeFrame(first, payload)),
  ),
);

export const reserved: RfcRule[] = [...bits, ...reservedOpcodes, ...unmasked];
