/** The opening handshake (RFC 6455 4.2): what is accepted, what is rejected, and the response. */
import {
  acceptFor,
  createKey,
  encodeFrame,
  FIN,
  type HttpHead,
  handshakeRequest,
  opcodes,
  statusOf,
} from "../../protocols/websocket.ts";
import type { Case } from "../case.ts";
import { type Context, randomKey, responseHead } from "../context.ts";
import { holds } from "../expect.ts";
import { sleep } from "../peer.ts";
import { frame, frameOf, message, overTcp } from "../ws-peer.ts";
import { hardRequests } from "./hard-heads.ts";

type Fields = Record<string, string | undefined>;
type Shake = { head: HttpHead; status: number; key: string };

const hostOf = ({ target }: Context) => `${target.hostname}:${target.port}`;

async function shake(t: Context, fields: Fields = {}, edit = (text: string) => text): Promise<Shake> {
  const alice = await t.tcp("alice");
  const key = createKey(randomKey());
  alice.send(edit(handshakeRequest(hostOf(t), t.target.path, key, fields)));
  const head = await responseHead(alice);
  return { head, status: statusOf(head), key };
}

function accepted({ status, head, key }: Shake): void {
  holds(status === 101, "status 101", `received "${head.firstLine}"`);
  const accept = head.fields["sec-websocket-accept"];
  holds(accept === acceptFor(key), `Sec-WebSocket-Accept: ${acceptFor(key)}`, `received ${accept ?? "none"}`);
}

function refused({ status, head }: Shake): void {
  holds(status >= 400 && status < 500, "a 4xx status", `received "${head.firstLine}"`);
}

type Row = Pick<Case, "title" | "requirement"> & {
  number: string;
  section: string;
  level?: Case["level"];
  fields?: Fields;
  edit?: (text: string) => string;
};

const toCase =
  (check: (shake: Shake) => void, ends: Case["ends"]) =>
  (row: Row): Case => ({
    id: `rfc6455/${row.number}`,
    title: row.title,
    requirement: row.requirement,
    level: row.level ?? "MUST",
    source: `RFC 6455 ${row.section}`,
    ends: ends ?? "open",
    run: async (t) => check(await shake(t, row.fields, row.edit)),
  });

const good: Row[] = [
  {
    number: "1.1",
    section: "4.2.2",
    title: "a valid handshake",
    requirement: "A valid handshake MUST be answered with 101 and the accept value for its key.",
  },
  {
    number: "1.2",
    section: "4.2.1",
    title: "field names in upper case",
    requirement: "Header field names MUST be matched case-insensitively.",
    edit: (text) => text.replace(/^(?!GET)[^:\r\n]+(?=:)/gm, (name) => name.toUpperCase()),
  },
  {
    number: "1.3",
    section: "4.2.1",
    title: "Upgrade: WebSocket",
    requirement: "The value of Upgrade MUST be matched case-insensitively.",
    fields: { Upgrade: "WebSocket" },
  },
  {
    number: "1.4",
    section: "4.2.1",
    title: "Connection: keep-alive, Upgrade",
    requirement: "Upgrade MUST be recognised among other tokens in Connection.",
    fields: { Connection: "keep-alive, Upgrade" },
  },
  {
    number: "1.5",
    section: "4.2.1",
    title: "Connection: upgrade in lower case",
    requirement: "The tokens of Connection MUST be matched case-insensitively.",
    fields: { Connection: "upgrade" },
  },
  {
    number: "1.6",
    section: "4.1",
    title: "a query string",
    requirement: "A query string MUST NOT prevent the path from matching.",
    edit: (text) =>
      text.replace(/^GET (\S+)/, (_, path) => `GET ${path}${path.includes("?") ? "&" : "?"}a=b`),
  },
  {
    number: "1.7",
    section: "4.1",
    title: "unknown header fields",
    requirement: "Unknown header fields MUST be ignored.",
    fields: { "X-Anything": "y".repeat(2000), Cookie: "a=b; c=d", "User-Agent": "conformance" },
  },
];

const bad: Row[] = [
  {
    number: "1.10",
    section: "4.2.1",
    title: "no Upgrade field",
    requirement:
      "A request without an Upgrade field MUST NOT be upgraded; the answer is an error such as 400.",
    fields: { Upgrade: undefined },
  },
  {
    number: "1.11",
    section: "4.2.1",
    title: "an upgrade to another protocol",
    requirement: "A request to upgrade to another protocol MUST NOT become a WebSocket.",
    fields: { Upgrade: "h2c" },
  },
  {
    number: "1.12",
    section: "4.2.1",
    title: "no Upgrade in Connection",
    requirement:
      "A request whose Connection field does not name Upgrade MUST NOT be upgraded; the answer is an error such as 400.",
    fields: { Connection: "keep-alive" },
  },
  {
    number: "1.13",
    section: "4.2.1",
    title: "no Sec-WebSocket-Key",
    requirement:
      "A request without Sec-WebSocket-Key MUST NOT be upgraded; the answer is an error such as 400.",
    fields: { "Sec-WebSocket-Key": undefined },
  },
  {
    number: "1.14",
    section: "4.2.1",
    title: "a key that is too short",
    requirement: "A key that does not decode to 16 bytes MUST NOT be accepted.",
    fields: { "Sec-WebSocket-Key": "c2hvcnQ=" },
  },
  {
    number: "1.15",
    section: "4.2.1",
    title: "no Sec-WebSocket-Version",
    requirement:
      "A request without Sec-WebSocket-Version MUST NOT be upgraded; the answer is an error such as 400.",
    fields: { "Sec-WebSocket-Version": undefined },
  },
  {
    number: "1.16",
    section: "4.4",
    title: "version 99",
    requirement: "A request with a version that the server does not support MUST be rejected.",
    fields: { "Sec-WebSocket-Version": "99" },
  },
  {
    number: "1.17",
    section: "4.1",
    title: "POST",
    requirement:
      "A handshake with a method other than GET MUST NOT be upgraded; the answer is an error such as 400.",
    edit: (text) => text.replace(/^GET/, "POST").replace("\r\n\r\n", "\r\nContent-Length: 0\r\n\r\n"),
  },
  {
    number: "1.18",
    section: "4.2.1",
    title: "no Host",
    requirement: "A request without a Host field MUST be rejected.",
    fields: { Host: undefined },
  },
];

const rest: Case[] = [
  {
    id: "rfc6455/1.20",
    title: "the answer to version 99",
    requirement: "The rejection of a version SHOULD have status 426 and name version 13.",
    level: "SHOULD",
    source: "RFC 6455 4.4",
    ends: "any",
    async run(t) {
      const { status, head } = await shake(t, { "Sec-WebSocket-Version": "99" });
      const version = head.fields["sec-websocket-version"] ?? "none";
      holds(
        status === 426 && /\b13\b/.test(version),
        "status 426 and version 13",
        `received status ${status} and version ${version}`,
      );
    },
  },
  {
    id: "rfc6455/1.21",
    title: "fields of the response",
    requirement: "The response MUST contain Upgrade: websocket and Connection: Upgrade.",
    level: "MUST",
    source: "RFC 6455 4.2.2",
    async run(t) {
      const { fields } = (await shake(t)).head;
      const { upgrade = "", connection = "" } = fields;
      holds(upgrade.toLowerCase() === "websocket", "Upgrade: websocket", `received "${upgrade}"`);
      holds(/\bupgrade\b/i.test(connection), "Connection: Upgrade", `received "${connection}"`);
    },
  },
  {
    id: "rfc6455/1.22",
    title: "no unrequested subprotocol",
    requirement: "The response MUST NOT name a subprotocol that the client did not offer.",
    level: "MUST",
    source: "RFC 6455 4.2.2",
    async run(t) {
      const offered = ["one", "two"];
      const plain = (await shake(t)).head.fields["sec-websocket-protocol"];
      holds(plain === undefined, "no subprotocol", `received ${plain}`);
      const { fields } = (await shake(t, { "Sec-WebSocket-Protocol": offered.join(", ") })).head;
      const chosen = fields["sec-websocket-protocol"];
      holds(chosen === undefined || offered.includes(chosen), "one of those offered", `received ${chosen}`);
    },
  },
  {
    id: "rfc6455/1.23",
    title: "no unrequested extension",
    requirement: "The response MUST NOT name an extension that the client did not offer.",
    level: "MUST",
    source: "RFC 6455 9.1",
    async run(t) {
      const plain = (await shake(t)).head.fields["sec-websocket-extensions"];
      holds(plain === undefined, "no extension", `received ${plain}`);
      const { fields } = (await shake(t, { "Sec-WebSocket-Extensions": "x-nobody-knows" })).head;
      const chosen = fields["sec-websocket-extensions"];
      holds(chosen === undefined, "no extension", `received ${chosen}`);
    },
  },
  {
    id: "rfc6455/1.24",
    title: "a handshake sent byte by byte",
    requirement: "A handshake MUST be accepted, however many reads it arrives in.",
    level: "MUST",
    source: "RFC 6455 4.2.1",
    async run(t) {
      const alice = await t.tcp("alice");
      const key = createKey(randomKey());
      for (const char of handshakeRequest(hostOf(t), t.target.path, key)) {
        alice.send(char);
        await sleep(0);
      }
      const head = await responseHead(alice);
      accepted({ head, status: statusOf(head), key });
    },
  },
  {
    id: "rfc6455/1.25",
    title: "a frame in the same write as the handshake",
    requirement: "A frame sent before the response, which a client must not do, MAY be processed.",
    level: "MAY",
    ends: "any",
    source: "RFC 6455 4.1",
    async run(t) {
      const alice = await t.tcp("alice");
      const request = handshakeRequest(hostOf(t), t.target.path, createKey(randomKey()));
      alice.send(Buffer.concat([Buffer.from(request), frameOf(FIN | opcodes.text, "at once")]));
      holds(statusOf(await responseHead(alice)) === 101, "status 101", "received another status");
      await message(overTcp(alice), opcodes.text, "at once");
    },
  },
  {
    id: "rfc6455/1.26",
    title: "HTTP/1.0",
    requirement: "A handshake over HTTP/1.0 MUST NOT be upgraded; the answer is an error such as 400.",
    level: "MUST",
    source: "RFC 6455 4.2.1",
    ends: "any",
    async run(t) {
      const { status, head } = await shake(t, {}, (text) => text.replace("HTTP/1.1", "HTTP/1.0"));
      holds(status !== 101, "any status but 101", `received "${head.firstLine}"`);
    },
  },
  {
    id: "rfc6455/1.27",
    title: "frames without a handshake",
    requirement: "Frames without a handshake MUST NOT be answered with frames.",
    level: "MUST",
    source: "RFC 6455 4.2",
    ends: "any",
    async run(t) {
      const alice = await t.tcp("alice");
      alice.send(encodeFrame(FIN | opcodes.text, "no handshake", 1));
      await sleep(120);
      holds(!alice.unread().includes("no handshake"), "no echo", "the frame was echoed");
    },
  },
  {
    id: "rfc6455/1.28",
    title: "frames after the handshake",
    requirement: "After the handshake the connection MUST carry frames in both directions.",
    level: "MUST",
    source: "RFC 6455 1.2",
    async run(t) {
      const alice = await t.ws("alice");
      alice.text("hello");
      await frame(alice, opcodes.text, "hello");
    },
  },
];

export const handshake: Case[] = [
  ...good.map(toCase(accepted, "open")),
  ...bad.map(toCase(refused, "any")),
  ...rest,
  hardRequests,
];
