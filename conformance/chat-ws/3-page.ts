/** Over HTTP: the page, other paths, and who may open a WebSocket. */
import { createKey, handshakeRequest, readHead, statusOf } from "../../protocols/websocket.ts";
import { type Context, randomKey, responseHead } from "../context.ts";
import { holds } from "../expect.ts";
import { until } from "../peer.ts";
import { Unsupported } from "../violation.ts";
import type { WsRule } from "./room.ts";

/** No real page has more of its own. */
const MAX_SCRIPTS = 20;

const hostOf = ({ target }: Context) => `${target.hostname}:${target.port}`;

type Answer = { status: number; type: string; body: string };

async function get(t: Context, path: string): Promise<Answer> {
  const peer = await t.tcp(t.peers.length === 0 ? "alice" : `reader${t.peers.length}`);
  peer.send(`GET ${path} HTTP/1.1\r\nHost: ${hostOf(t)}\r\nConnection: close\r\n\r\n`);
  await until(peer, peer.timeout, () => peer.ended !== "open");
  const head = readHead(peer.unread());
  if (!head) return { status: 0, type: "", body: "" };
  return {
    status: statusOf(head),
    type: head.fields["content-type"] ?? "",
    body: peer.unread().toString("utf8", head.end),
  };
}

/** The page and every script that it loads from its own host. */
async function pageAndScripts(t: Context): Promise<string> {
  const { body } = await get(t, "/");
  const sources = scriptSources(body);
  if (sources.length > MAX_SCRIPTS)
    throw new Unsupported(`the page has ${sources.length} scripts; at most ${MAX_SCRIPTS} are checked`);
  const scripts = await Promise.all(sources.map((source) => get(t, source)));
  return [body, ...scripts.map((script) => script.body)].join("\n");
}

/** The paths of a page's scripts on its own host; searched tag by tag, since a page may be endless. */
export function scriptSources(page: string): string[] {
  const sources: string[] = [];
  for (let at = page.indexOf("<script"); at >= 0; at = page.indexOf("<script", at)) {
    const end = page.indexOf(">", at);
    if (end < 0) break;
    const source = attribute(page.slice(at, end), "src");
    if (source !== undefined && !source.includes(":") && !source.startsWith("//"))
      sources.push(new URL(source, "http://x/").pathname);
    at = end;
  }
  return sources;
}

/** The value in quotes of a tag's attribute. */
function attribute(tag: string, name: string): string | undefined {
  const at = tag.search(new RegExp(`\\s${name}=["']`));
  if (at < 0) return undefined;
  const from = at + name.length + 3;
  const to = tag.indexOf(tag[from - 1], from);
  return to < 0 ? undefined : tag.slice(from, to);
}

const handshakeOf = async (t: Context, origin: string | undefined): Promise<number> => {
  const alice = await t.tcp("alice");
  alice.send(handshakeRequest(hostOf(t), t.target.path, createKey(randomKey()), { Origin: origin }));
  return statusOf(await responseHead(alice));
};

const origin = (
  number: string,
  title: string,
  requirement: string,
  status: number,
  of: (t: Context) => string | undefined,
): WsRule => ({
  number,
  title,
  requirement,
  level: "MUST",
  ends: "any",
  async run(t) {
    const came = await handshakeOf(t, of(t));
    holds(came === status, `status ${status} for Origin ${of(t) ?? "(none)"}`, `received ${came}`);
  },
});

export const page: WsRule[] = [
  {
    number: "3.1",
    title: "the page",
    requirement: "GET / MUST return the chat page as HTML.",
    level: "MUST",
    ends: "any",
    async run(t) {
      const { status, type, body } = await get(t, "/");
      holds(
        status === 200 && type.startsWith("text/html"),
        "status 200 and text/html",
        `received ${status} ${type}`,
      );
      holds(/<(?:input|textarea)/i.test(body), "a message box", "the page has none");
      holds(/<button|type="?submit/i.test(body), "a send button", "the page has none");
    },
  },
  {
    number: "3.2",
    title: "messages are shown as text",
    requirement: "The page MUST NOT insert messages as markup.",
    level: "MUST",
    ends: "any",
    async run(t) {
      const source = await pageAndScripts(t);
      holds(/WebSocket/.test(source), "a page that opens a WebSocket", "neither the page nor its scripts do");
      const risky = /\.(?:innerHTML|outerHTML)\s*\+?=|insertAdjacentHTML|document\.write/.exec(source);
      holds(!risky, "messages inserted as text (textContent or text nodes)", `the page uses ${risky?.[0]}`);
    },
  },
  {
    number: "3.3",
    title: "an unknown path",
    requirement: "An unknown path MUST be answered with 404.",
    level: "MUST",
    ends: "any",
    async run(t) {
      const { status } = await get(t, "/nowhere");
      holds(status === 404, "status 404", `received ${status}`);
    },
  },
  {
    number: "3.4",
    title: "GET /ws without an upgrade",
    requirement: "A plain GET of /ws MUST be rejected with a 4xx status.",
    level: "MUST",
    ends: "any",
    async run(t) {
      const { status } = await get(t, "/ws");
      holds(status >= 400 && status < 500, "a 4xx status", `received ${status}`);
    },
  },
  {
    number: "3.5",
    title: "an upgrade at /",
    requirement: "A handshake at any path but /ws MUST NOT be accepted.",
    level: "MUST",
    ends: "any",
    async run(t) {
      const alice = await t.tcp("alice");
      alice.send(handshakeRequest(hostOf(t), "/", createKey(randomKey())));
      const status = statusOf(await responseHead(alice));
      holds(status !== 101, "any status but 101 at /", "received 101");
    },
  },
  origin(
    "3.6",
    "a third-party origin",
    "A third-party Origin MUST be rejected with 403.",
    403,
    () => "http://evil.example",
  ),
  origin(
    "3.7",
    "the server's own origin",
    "The server's own Origin MUST be accepted.",
    101,
    (t) => `http://${hostOf(t)}`,
  ),
  origin(
    "3.8",
    "no origin",
    "A handshake without Origin, as clients other than browsers send it, MUST be accepted.",
    101,
    () => undefined,
  ),
  origin(
    "3.9",
    "the same host on another port",
    "An Origin with another port is third-party and MUST be rejected with 403.",
    403,
    (t) => `http://${t.target.hostname}:1`,
  ),
  origin("3.10", "the null origin", "The Origin null MUST be rejected with 403.", 403, () => "null"),
  origin(
    "3.11",
    "an origin that starts with our host",
    "An Origin that only starts with the server's name MUST be rejected with 403.",
    403,
    (t) => `http://${hostOf(t)}.evil.example`,
  ),
];
