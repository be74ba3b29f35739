/** Bounds that protect the server itself (RFC 6455 10.4). */
import { FIN, opcodes } from "../../protocols/websocket.ts";
import { keepsLittle } from "../unread.ts";
import { frameOf } from "../ws-peer.ts";
import type { RfcRule } from "./rules.ts";

const BLOCK_BYTES = 65_536;

export const bounds: RfcRule[] = [
  {
    number: "9.1",
    section: "10.4",
    title: "a client that never reads",
    requirement: "The echoes queued for a client that never reads SHOULD be bounded.",
    level: "SHOULD",
    slow: true,
    ends: "any",
    bound: 30_000,
    run: (alice) => keepsLittle(alice.tcp, frameOf(FIN | opcodes.binary, new Uint8Array(BLOCK_BYTES))),
  },
];
