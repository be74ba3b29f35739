/** The closing handshake (RFC 6455 5.5.1, 7): codes that may be sent, and frames after a close. */
import { closePayload, FIN, opcodes } from "../../protocols/websocket.ts";
import { closed } from "../expect.ts";
import { Violation } from "../violation.ts";
import { frameOf, nextFrame, showFrame, type WsPeer } from "../ws-peer.ts";
import { failsWith, type RfcRule } from "./rules.ts";

const { close, text, ping, continuation } = opcodes;

const closing = (payload: Uint8Array) => async (alice: WsPeer) => alice.send(FIN | close, payload);

const validCodes: RfcRule[] = [
  1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999,
].map((code, i) => ({
  number: `8.${10 + i}`,
  section: "7.4",
  title: `close code ${code}`,
  requirement: `A close frame with code ${code} MUST be answered with a close frame, and SHOULD be with the same code.`,
  level: "MUST",
  ends: failsWith(...(code === 1000 ? [1000] : [code, 1000])),
  run: closing(closePayload(code)),
}));

const invalidCodes: RfcRule[] = [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535].map(
  (code, i) => ({
    number: `8.${30 + i}`,
    section: "7.4",
    title: `close code ${code}`,
    requirement: `A close frame with code ${code}, which no endpoint may send, MUST fail the connection, and SHOULD do so with 1002.`,
    level: "MUST",
    ends: failsWith(1002),
    run: closing(closePayload(code)),
  }),
);

/** Frames after a close, in the same write: none of them may have an effect. */
const behind = (...more: [number, string][]) =>
  async function run(alice: WsPeer): Promise<void> {
    const frames = [
      frameOf(FIN | close, closePayload(1000)),
      ...more.map(([first, payload]) => frameOf(first, payload)),
    ];
    alice.sendRaw(Buffer.concat(frames));
    const next = await nextFrame(alice, "a close frame");
    if ((next.first & 15) !== close)
      throw new Violation("a close frame and nothing else", `received ${showFrame(next)}`);
    await closed(alice.tcp);
    const [after] = alice.frames();
    if (after) throw new Violation("nothing after the close frame", `received ${showFrame(after)}`);
  };

export const closes: RfcRule[] = [
  {
    number: "8.1",
    section: "5.5.1",
    title: "a close frame without a code",
    requirement: "A close frame MUST be answered with a close frame.",
    level: "MUST",
    ends: { codes: [1005, 1000] },
    run: closing(closePayload()),
  },
  {
    number: "8.2",
    section: "5.5.1",
    title: "a close frame with a reason",
    requirement: "A close frame with a code and a reason MUST be answered with a close frame.",
    level: "MUST",
    ends: { codes: [1000] },
    run: closing(closePayload(1000, "I have said it all")),
  },
  {
    number: "8.3",
    section: "5.5.1",
    title: "a reason of 123 bytes",
    requirement: "The longest possible reason MUST be accepted.",
    level: "MUST",
    ends: { codes: [1000] },
    run: closing(closePayload(1000, "r".repeat(123))),
  },
  {
    number: "8.4",
    section: "7.1.1",
    title: "the server closes the connection",
    requirement: "After both close frames the server MUST close the TCP connection with a FIN.",
    level: "MUST",
    ends: "fin",
    async run(alice) {
      alice.send(FIN | close, closePayload(1000));
      await closed(alice.tcp, "fin");
    },
  },
  {
    number: "8.5",
    section: "5.5.1",
    title: "a close frame of one byte",
    requirement: "A close frame with a one-byte payload MUST fail the connection.",
    level: "MUST",
    ends: failsWith(1002),
    run: closing(Uint8Array.of(3)),
  },
  {
    number: "8.6",
    section: "5.5.1",
    title: "a reason of invalid UTF-8",
    requirement: "A close reason that is not valid UTF-8 MUST fail the connection.",
    level: "MUST",
    ends: failsWith(1007, 1002),
    run: closing(Uint8Array.of(3, 232, 0xce, 0xba, 0xed, 0xa0, 0x80)),
  },
  {
    number: "8.7",
    section: "5.5.1",
    title: "a text message after a close",
    requirement: "A message after a close frame MUST NOT be answered.",
    level: "MUST",
    ends: "closed",
    run: behind([FIN | text, "one more thing"]),
  },
  {
    number: "8.8",
    section: "5.5.1",
    title: "a ping after a close",
    requirement: "A ping after a close frame MUST NOT be answered.",
    level: "MUST",
    ends: "closed",
    run: behind([FIN | ping, "still there?"]),
  },
  {
    number: "8.9",
    section: "5.5.1",
    title: "two close frames",
    requirement: "A second close frame MUST NOT be answered.",
    level: "MUST",
    ends: "closed",
    run: behind([FIN | close, ""]),
  },
  ...validCodes,
  {
    number: "8.25",
    section: "5.5.1",
    title: "a close between fragments",
    requirement: "A close frame between fragments MUST be answered, although the message never completes.",
    level: "MUST",
    ends: { codes: [1000] },
    async run(alice) {
      alice.send(text, "unfinished");
      alice.send(FIN | close, closePayload(1000));
      alice.send(FIN | continuation, " business");
    },
  },
  {
    number: "8.26",
    section: "7.1.1",
    title: "a FIN without a close frame",
    requirement: "After a FIN without a close frame the server MUST close its side too.",
    level: "MUST",
    ends: "closed",
    async run(alice) {
      alice.tcp.finish();
      await closed(alice.tcp);
    },
  },
  ...invalidCodes,
];
