import { expect, test } from "bun:test";
import { checkProtocol } from "./check.ts";
import { defineProtocol } from "./define.ts";
import type { Definition } from "./definition.ts";
import { datagram, ignore, lengthPrefixed, lines, wsMessage } from "./framing.ts";
import { allProtocols } from "./index.ts";

const plain = { say: () => ({ prefix: "<" }), hear: () => ({ prefix: "[", suffix: "]" }) };
const check = (definition: Omit<Definition, "name">) =>
  checkProtocol(defineProtocol({ name: "mine", ...definition }));

/** The error of a definition, as whoever wrote it reads it. */
function complaint(definition: object): string {
  try {
    checkProtocol(defineProtocol({ name: "mine", ...definition } as Definition));
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  return "none";
}

test.each(allProtocols().map((protocol) => [protocol.name, protocol] as const))(
  "%s passes its own check",
  (_, protocol) => {
    expect(checkProtocol(protocol)).toBeGreaterThanOrEqual(0);
  },
);

test("units are counted that were cut and joined", () => {
  expect(check({ framing: lines(), room: plain })).toBeGreaterThan(20);
  expect(check({ framing: wsMessage(), room: plain })).toBeGreaterThan(20);
  expect(check({ framing: datagram(), room: plain })).toBeGreaterThan(20);
  // A length of one byte is enough for short messages.
  expect(check({ framing: lengthPrefixed({ bytes: 1 }), room: plain })).toBeGreaterThan(10);
});

let calls = 0;

test.each<[string, object, RegExp]>([
  ["nothing", {}, /^protocol mine: framing: it is missing/],
  [
    "a field that is none",
    { framing: lines(), rooms: plain },
    /^protocol mine: rooms: unknown; expected one of/,
  ],
  ["a framing by name", { framing: "lines" }, /^protocol mine: framing: expected lines\(\).*, not "lines"/],
  [
    "room without hear",
    { framing: lines(), room: { say: plain.say } },
    /^protocol mine: room\.hear: it is missing/,
  ],
  [
    "a promise that is none",
    { framing: lines(), promises: { ordered: true } },
    /^protocol mine: promises\.ordered: expected "per sender" or false, not true/,
  ],
  [
    "a newline inside of a line",
    { framing: lines(), room: { ...plain, hear: () => ({ prefix: "a\nb" }) } },
    /^protocol mine: framing: of what room\.hear gives, all at once, "a\\nb.* comes back as "a\\n"/,
  ],
  [
    "a newline in what is said",
    { framing: lines(), room: { ...plain, say: () => ({ prefix: "a\nb" }) } },
    /^protocol mine: room\.say: lines\(\) ends after 2 of \d+ bytes: "a\\nb/,
  ],
  [
    "binary in lines",
    { framing: lines(), room: plain, promises: { binary: true } },
    /^protocol mine: framing: .* comes back as/,
  ],
  [
    "a function that takes what has come for all there is",
    { framing: (bytes: Buffer) => bytes.length, room: plain },
    /^protocol mine: framing: of what room\.hear gives, all at once/,
  ],
  [
    "a function that never ends a unit",
    { framing: () => undefined, room: plain },
    /^protocol mine: framing: .* comes back as nothing/,
  ],
  [
    "a function that goes back",
    { framing: () => 0, room: plain },
    /^protocol mine: framing: framing: a unit has/,
  ],
  [
    "a function that fails",
    {
      framing() {
        throw new Error("no idea");
      },
      room: plain,
    },
    /^protocol mine: framing: no idea/,
  ],
  [
    "a header that is another each time",
    { framing: lines(), room: { ...plain, hear: () => ({ prefix: `${calls++} ` }) } },
    /^protocol mine: room\.hear: asked twice it gives/,
  ],
  [
    "a suffix by speaker",
    {
      framing: lines(),
      room: { ...plain, hear: (_: string, __: number, { id }: { id: string }) => ({ suffix: id }) },
    },
    /^protocol mine: room\.hear: the suffix differs from member to member/,
  ],
  [
    "a message found elsewhere",
    { framing: lines(), room: { ...plain, find: (unit: Buffer) => [0, unit.length] } },
    /^protocol mine: room\.find: in "\[.* the message is \[1,33\], and it says \[0,34\]/,
  ],
  [
    "control that takes deliveries",
    { framing: lines(), room: plain, control: () => ignore },
    /^protocol mine: control: it takes a delivery for its own: "\[/,
  ],
  [
    "a length too small for its messages",
    { framing: lengthPrefixed({ bytes: 1 }), room: { ...plain, hear: () => ({ prefix: "x".repeat(250) }) } },
    /^protocol mine: room: a length of 1 bytes cannot tell \d+ bytes/,
  ],
  [
    "ids that are none",
    { framing: lines(), request: { ask: () => ({}), answer: () => ({}), byId: true } },
    /^protocol mine: request\.ask: byId, and two ids give the same bytes/,
  ],
  [
    "a reply whose id is not found",
    {
      framing: lines(),
      request: {
        ask: (id: number) => ({ prefix: `${id} ` }),
        answer: (id: number) => ({ prefix: `${id} ` }),
        find: (unit: Buffer) => ({ body: [unit.indexOf(" ") + 1, unit.length] }),
        byId: true,
      },
    },
    /^protocol mine: request\.find: in "1 0000-/,
  ],
  [
    "open that is no generator",
    { framing: lines(), open: () => [] },
    /^protocol mine: open: it is no generator/,
  ],
  [
    "open that yields a text",
    {
      framing: lines(),
      *open() {
        yield "hello";
      },
    },
    /^protocol mine: open: it yields "hello", and neither expect\(\) nor send\(\)/,
  ],
])("%s is told in one line with its field", (_, definition, words) => {
  expect(complaint(definition)).toMatch(words);
  expect(complaint(definition)).not.toContain("\n");
});
