/**
 * A small protocol that tests know by its definition alone: units behind their length of 4 bytes, the first byte of each a
 * letter. `servers/mutants/letters.ts` speaks it.
 *
 *   client: J topic     server: K              S body: everybody else in the topic hears H body
 *   client: Q id body   server: R id body      P: the client answers O
 */
import { defineProtocol } from "../../protocols/define.ts";
import { expect, send } from "../../protocols/definition.ts";
import { lengthPrefixed, wsMessage } from "../../protocols/framing.ts";

/** Ids of one width. */
const idOf = (id: number) => String(id).padStart(6, "0");

export const letters = defineProtocol({
  name: "letters",
  framing: lengthPrefixed({ bytes: 4 }),
  *open({ topic }) {
    yield send(`J${topic}`);
    yield expect(/^K$/);
  },
  control: (unit) => (unit.length === 1 && unit[0] === 0x50 ? "O" : undefined),
  room: { say: () => ({ prefix: "S" }), hear: () => ({ prefix: "H" }) },
  request: {
    ask: (id) => ({ prefix: `Q${idOf(id)}` }),
    answer: (id) => ({ prefix: `R${idOf(id)}` }),
    byId: true,
  },
  promises: { binary: true, wholeUpTo: 100_000 },
});

/** A WebSocket echo: its control frames may come within a message. */
export const frames = defineProtocol({
  name: "frames",
  path: "/echo",
  framing: wsMessage(),
  request: { ask: () => ({}), answer: () => ({}) },
});
