/** Ping and pong (RFC 6455 5.5): answered with their payload, up to 125 bytes. */
import { FIN, opcodes } from "../../protocols/websocket.ts";
import { holds } from "../expect.ts";
import { sleep } from "../peer.ts";
import { frame, frameOf, message, nextFrame, noFrame } from "../ws-peer.ts";
import { breaks, bytes, type RfcRule } from "./rules.ts";

const { ping, pong, text } = opcodes;

const answered: RfcRule[] = (
  [
    ["4.1", "an empty ping", ""],
    ["4.2", "a ping with text", "are you there?"],
    ["4.3", "a ping of 125 bytes", "p".repeat(125)],
    ["4.4", "a ping of invalid UTF-8", Uint8Array.of(0, 0xff, 0xfe, 0xc0, 0x80)],
  ] as const
).map(([number, title, payload]) => ({
  number,
  section: "5.5.2",
  title,
  requirement: "A ping MUST be answered with a pong that carries the same payload.",
  level: "MUST",
  async run(alice) {
    alice.send(FIN | ping, payload);
    await frame(alice, pong, payload);
  },
}));

export const control: RfcRule[] = [
  ...answered,
  {
    number: "4.5",
    section: "5.5.2",
    title: "a ping sent byte by byte",
    requirement: "A ping MUST be answered, however many reads it arrives in.",
    level: "MUST",
    async run(alice) {
      for (const byte of frameOf(FIN | ping, "slow")) {
        alice.sendRaw(Uint8Array.of(byte));
        await sleep(0);
      }
      await frame(alice, pong, "slow");
    },
  },
  {
    number: "4.6",
    section: "5.5.3",
    title: "ten pings in one write",
    requirement: "The last of several pings MUST be answered; earlier ones may be skipped.",
    level: "MUST",
    async run(alice) {
      alice.sendRaw(Buffer.concat(Array.from({ length: 10 }, (_, i) => frameOf(FIN | ping, `ping ${i}`))));
      let last = -1;
      while (last < 9) {
        const { first, payload } = await nextFrame(alice, `a pong with "ping 9"`);
        const number = Number(/^ping (\d)$/.exec(payload.toString())?.[1] ?? -1);
        holds(
          first === (FIN | pong) && number > last,
          "pongs in the order of the pings",
          `received ${payload}`,
        );
        last = number;
      }
    },
  },
  {
    number: "4.7",
    section: "5.5.3",
    title: "an unsolicited pong",
    requirement: "An unsolicited pong MUST be ignored.",
    level: "MUST",
    async run(alice) {
      alice.send(FIN | pong, "");
      alice.send(FIN | pong, "unasked");
      alice.send(FIN | pong, bytes(125));
      await noFrame(alice);
      alice.text("never mind");
      await message(alice, text, "never mind");
    },
  },
  {
    number: "4.8",
    section: "5.5.2",
    title: "a ping between messages",
    requirement: "A ping between two messages MUST NOT change either of them.",
    level: "MUST",
    async run(alice) {
      alice.sendRaw(
        Buffer.concat([frameOf(FIN | text, "a"), frameOf(FIN | ping, "p"), frameOf(FIN | text, "b")]),
      );
      // A pong may overtake a message that the server is still busy with (5.5.2 asks for it soon).
      const frames = [await nextFrame(alice, "a"), await nextFrame(alice, "b"), await nextFrame(alice, "c")];
      const messages = frames
        .filter(({ first }) => first === (FIN | text))
        .map(({ payload }) => `${payload}`);
      const pongs = frames.filter(({ first }) => first === (FIN | pong)).map(({ payload }) => `${payload}`);
      holds(
        messages.join() === "a,b" && pongs.join() === "p",
        "messages a and b, and a pong",
        `received ${messages} ${pongs}`,
      );
    },
  },
  breaks("4.10", "5.5", "a ping of 126 bytes", "A ping over 125 bytes MUST fail the connection.", (alice) =>
    alice.send(FIN | ping, "p".repeat(126)),
  ),
  breaks("4.11", "5.5", "a pong of 126 bytes", "A pong over 125 bytes MUST fail the connection.", (alice) =>
    alice.send(FIN | pong, "p".repeat(126)),
  ),
  breaks(
    "4.12",
    "5.5",
    "a close of 126 bytes",
    "A close frame over 125 bytes MUST fail the connection.",
    (alice) =>
      alice.send(FIN | opcodes.close, Buffer.concat([Uint8Array.of(3, 232), Buffer.from("r".repeat(124))])),
  ),
];
