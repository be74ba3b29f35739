/** The opening handshake of the WebSocket mutants: each rule of RFC 6455 4.2 in plain sight, and what can be wrong with it. */
import { acceptFor, type HttpHead, readHead } from "../../protocols/websocket.ts";
import { type Faults, without } from "./fault.ts";

/** Whether a request keeps a rule, and the status that refuses one that does not. */
type Rule = [kept: (head: HttpHead) => boolean, status: number];

export type Handshake = {
  /** Puts a read behind what has come before. */
  gather: (before: Buffer, bytes: Buffer) => Buffer;
  readHead: (bytes: Buffer) => HttpHead | undefined;
  /** The first that is broken refuses the request. */
  handshakeRules: Readonly<Record<string, Rule>>;
  /** Whether a header field's value is this one. */
  isValue: (text: string | undefined, value: string) => boolean;
  /** The values of the Connection field. */
  tokensOf: (field: string) => string[];
  pathOf: (target: string) => string;
  acceptFor: (key: string) => string;
  /** The header fields of the answer that accepts. */
  answerFields: (key: string) => string[];
  refusalFields: (status: number) => string[];
};

/** The rules that are right, as parts of a server that is called `shake`. */
export const plainHandshake = (shake: Handshake): Handshake => ({
  gather: (before, bytes) => Buffer.concat([before, bytes]),
  readHead,
  handshakeRules: {
    method: [({ firstLine }) => firstLine.split(" ")[0] === "GET", 405],
    path: [({ firstLine }) => shake.pathOf(firstLine.split(" ")[1] ?? "") === "/echo", 404],
    http: [({ firstLine }) => firstLine.split(" ")[2] === "HTTP/1.1", 400],
    host: [({ fields }) => fields.host !== undefined, 400],
    upgrade: [({ fields }) => shake.isValue(fields.upgrade, "websocket"), 400],
    connection: [
      ({ fields }) =>
        shake.tokensOf(fields.connection ?? "").some((token) => shake.isValue(token.trim(), "Upgrade")),
      400,
    ],
    key: [({ fields }) => Buffer.from(fields["sec-websocket-key"] ?? "", "base64").length === 16, 400],
    version: [({ fields }) => fields["sec-websocket-version"] === "13", 426],
  },
  isValue: (text, value) => text?.toLowerCase() === value.toLowerCase(),
  tokensOf: (field) => field.split(","),
  pathOf: (target) => target.split("?")[0],
  acceptFor,
  answerFields: (key) => [
    "Upgrade: websocket",
    "Connection: Upgrade",
    `Sec-WebSocket-Accept: ${shake.acceptFor(key)}`,
  ],
  refusalFields: (status) => [
    ...(status === 426 ? ["Sec-WebSocket-Version: 13"] : []),
    "Content-Length: 0",
    "Connection: close",
  ],
});

/** The status of a request and its whole answer. */
export function answerTo(shake: Handshake, head: HttpHead): { status: number; text: string } {
  const broken = Object.values(shake.handshakeRules).find(([kept]) => !kept(head));
  const status = broken?.[1] ?? 101;
  const lines = broken
    ? [`HTTP/1.1 ${status} Refused`, ...shake.refusalFields(status)]
    : ["HTTP/1.1 101 Switching Protocols", ...shake.answerFields(head.fields["sec-websocket-key"] ?? "")];
  return { status, text: `${lines.join("\r\n")}\r\n\r\n` };
}

/** Scheme, host and path can be told apart in as many ways as there are letters, and each is tried. */
const REQUEST_LINE = /^([!#$%&'*+.^_`|~\w-]+) (?:[a-z]+:\/\/[^/?# ]*)?([^?# ]*)[^ ]* HTTP\/(\d\.\d)$/i;

/** One rule is not looked at. */
const withoutRule =
  (name: string) =>
  ({ handshakeRules }: Handshake): Partial<Handshake> => ({ handshakeRules: without(handshakeRules, name) });

/** One more rule, before or behind the others. */
const withRule =
  (rule: Rule, first = false) =>
  ({ handshakeRules }: Handshake): Partial<Handshake> => ({
    handshakeRules: first ? { more: rule, ...handshakeRules } : { ...handshakeRules, more: rule },
  });

/** One more field in the answer. */
const naming =
  (field: string) =>
  ({ answerFields }: Handshake): Partial<Handshake> => ({
    answerFields: (key) => [...answerFields(key), field],
  });

export const handshakeFaults = {
  "wrong-accept": {
    words: "the accept value is that of another key",
    fails: "1.1-7 1.24",
    change: () => ({ acceptFor: () => acceptFor("AAAAAAAAAAAAAAAAAAAAAA==") }),
  },
  "exact-names": {
    words: "the names of header fields are compared letter by letter",
    fails: "1.2",
    change: () => ({
      // Only the usual spelling is known, so that others are as good as absent.
      readHead(bytes) {
        const head = readHead(bytes);
        return head && (bytes.includes("Sec-WebSocket-Key") ? head : { ...head, fields: {} });
      },
    }),
  },
  "exact-values": {
    words: "the values of Upgrade and Connection are compared letter by letter",
    fails: "1.3 1.5",
    change: () => ({ isValue: (text, value) => text === value }),
  },
  "one-token": {
    words: "Connection may hold nothing but Upgrade",
    fails: "1.4",
    change: () => ({ tokensOf: (field) => [field] }),
  },
  "exact-path": {
    words: "a query is part of the path",
    fails: "1.6",
    change: () => ({ pathOf: (target) => target }),
  },
  "short-fields": {
    words: "a header field of more than a thousand bytes is refused",
    fails: "1.7",
    change: withRule([({ fields }) => Object.values(fields).every((value) => value.length < 1000), 431]),
  },
  "no-upgrade-check": {
    words: "Upgrade is not looked at",
    fails: "1.10 1.11",
    change: withoutRule("upgrade"),
  },
  "no-connection-check": {
    words: "Connection is not looked at",
    fails: "1.12",
    change: withoutRule("connection"),
  },
  "no-key-check": { words: "the key is not looked at", fails: "1.13 1.14", change: withoutRule("key") },
  "no-version-check": {
    words: "the version is not looked at",
    fails: "1.15 1.16 1.20",
    change: withoutRule("version"),
  },
  "any-method": { words: "the method is not looked at", fails: "1.17", change: withoutRule("method") },
  "no-host-check": { words: "Host is not looked at", fails: "1.18", change: withoutRule("host") },
  "no-1.1-check": { words: "HTTP/1.0 is taken too", fails: "1.26", change: withoutRule("http") },
  "bare-426": {
    words: "the refusal of a version does not name the right one",
    fails: "1.20",
    change: ({ refusalFields }) => ({ refusalFields: () => refusalFields(400) }),
  },
  "no-upgrade-answer": {
    words: "the answer has no Upgrade field",
    fails: "1.21",
    change: ({ answerFields }) => ({ answerFields: (key) => answerFields(key).slice(1) }),
  },
  "names-protocol": {
    words: "the answer names a subprotocol that nobody offered",
    fails: "1.22",
    change: naming("Sec-WebSocket-Protocol: chat"),
  },
  "names-extension": {
    words: "the answer names an extension that nobody offered",
    fails: "1.23",
    change: naming("Sec-WebSocket-Extensions: permessage-deflate"),
  },
  "one-read-head": {
    words: "the handshake must come in one read",
    fails: "1.24",
    change: () => ({ gather: (_before, bytes) => bytes }),
  },
  backtracks: {
    words: "a pattern with overlapping quantifiers runs over the first line",
    fails: "1.29",
    process: true,
    change: withRule([({ firstLine }) => REQUEST_LINE.test(firstLine), 400], true),
  },
} as const satisfies Faults<Handshake>;
