/** Upper: a line comes back in capitals. One file, and its line in the registry, make it measurable. */
import type { Exchanged, Protocol } from "./protocol.ts";

const exchanged = (name: string, text: string): Exchanged => ({
  name,
  request: Buffer.from(`${text}\n`),
  reply: Buffer.from(`${text.toUpperCase()}\n`),
});

export const upper: Protocol = {
  name: "upper",
  transport: "tcp",
  port: 7777,
  requests: {
    unit: "line",
    named: false,
    at: (place) => {
      const { request, reply } = exchanged("", `word ${place}`);
      return { text: `word ${place}`, bytes: request, reply };
    },
  },
  dialogue: {
    corpus: [exchanged("one word", "word"), exchanged("nothing", ""), exchanged("long", "x".repeat(2000))],
    random: (random) => () => exchanged("random", `word ${Math.floor(random() * 1e9)}`),
  },
};
