/**
 * `sockbench/protocol`: a protocol of one's own in one file, the default export of what `--protocol ./mine.ts` names.
 * docs/your-protocol.md has it step by step.
 */
export { defineProtocol } from "./protocols/define.ts";
export type {
  Around,
  Bytes,
  Definition,
  EchoRequest,
  Me,
  Opened,
  Opening,
  PooledRequests,
  Promises,
  Reply,
  Role,
  RoomDefinition,
  Step,
  Unit,
  Who,
} from "./protocols/definition.ts";
export { expect, send } from "./protocols/definition.ts";
export {
  datagram,
  delimiter,
  type FindEnd,
  type Framing,
  ignore,
  type LengthPrefix,
  lengthPrefixed,
  lines,
  unbounded,
  wsMessage,
} from "./protocols/framing.ts";
export type { Protocol } from "./protocols/protocol.ts";
