/** Units of a connection on which nothing is measured: what asks for an answer gets it, the rest is handed on. */
import type { Role } from "../protocols/definition.ts";
import { ignore } from "../protocols/framing.ts";
import type { Protocol } from "../protocols/protocol.ts";
import type { Member } from "./members.ts";

/** A unit longer than this without an end is handed on as far as it has come. */
const MAX_UNIT_BYTES = 1_048_576;

export function createUnits(
  { framing, react }: Protocol,
  role: Role,
  onUnit: (unit: Uint8Array) => void,
): { read: (chunk: Uint8Array) => void; answerBy: (connection: Member) => void } {
  let carry: Uint8Array = new Uint8Array(0);
  const unsent: Uint8Array[] = [];
  let answer = (bytes: Uint8Array) => void unsent.push(bytes);
  return {
    read(chunk) {
      const bytes = carry.length === 0 ? chunk : Buffer.concat([carry, chunk]);
      let from = 0;
      while (from < bytes.length) {
        const end = framing.end(bytes, from, bytes.length);
        if (end < 0 || end > bytes.length) break;
        const answered = react(bytes, from, end, role);
        if (answered === undefined) onUnit(bytes.subarray(from, end));
        else if (answered !== ignore) answer(answered);
        from = end;
      }
      carry = bytes.slice(from);
      if (carry.length <= MAX_UNIT_BYTES) return;
      onUnit(carry);
      carry = carry.subarray(0, 0);
    },
    /** From here on answers go out; those from before, now. */
    answerBy(connection) {
      answer = (bytes) => void connection.send(bytes, 0, bytes.length);
      for (const bytes of unsent.splice(0)) answer(bytes);
    },
  };
}
