/** Notices of a room under test: found wherever they are, since output about earlier clients may precede them. */
import type { Dialect, Speaker } from "../../protocols/chat.ts";
import { type TcpPeer, until } from "../peer.ts";
import { Violation } from "../violation.ts";
import { show } from "../wire-log.ts";

/** A text, and where a number follows it, what follows that number. */
type Notice = { words: string; number?: { behind: string } };
type Found = { end: number; number: number };

/** What a new client receives when it has joined, by the text around its id or after its address; undefined: nothing. */
function ownNoticeOf({ greeting, joined, newcomerSeesJoin, units }: Dialect): Notice | undefined {
  const [id, address] = [987_654, "@"];
  const text = (greeting ?? (newcomerSeesJoin ? joined : undefined))?.({ id, address }).trimEnd();
  if (text === undefined) return undefined;
  // The members of an object may be in any order.
  const said = units === "objects" ? `${JSON.parse(text).data}"` : text;
  const [words, behind] = said.split(String(id));
  return behind === undefined ? { words: said.split(address).pop() ?? said } : { words, number: { behind } };
}

/** No room assigns a longer number, and no notice is longer after its text. */
const MAX_REST_BYTES = 300;
/** How much later the newline of a notice may arrive, in a read of its own. */
const REST_MS = 20;

export const announcesItself = (dialect: Dialect): boolean => ownNoticeOf(dialect) !== undefined;

/** Waits for the new client's own join notice; returns its number, 0 where the dialect has none. */
export async function ownNotice(dialect: Dialect, peer: TcpPeer): Promise<number> {
  return skipTo(peer, ownNoticeOf(dialect) ?? { words: "" }, "its join notice");
}

/** Waits until another client has received the join notice. */
export async function joinNotice({ joined, units }: Dialect, other: TcpPeer, who: Speaker): Promise<void> {
  const text = joined?.(who) ?? "";
  // The members of an object may be in any order.
  const words = units === "objects" ? `${JSON.parse(text).data}"` : text.trimEnd();
  await skipTo(other, { words }, show(text));
}

async function skipTo(peer: TcpPeer, notice: Notice, wish: string): Promise<number> {
  const find = finderOf(peer, notice);
  await until(peer, peer.timeout, () => find() !== undefined || peer.ended !== "open");
  await until(peer, REST_MS, () => peer.unread()[(find()?.end ?? 0) - 1] === 10 || peer.ended !== "open");
  const found = find();
  if (!found)
    throw new Violation(
      `${peer.name} receives ${wish}`,
      peer.unread().length > 0 ? `received ${show(peer.unread())}` : "received nothing",
    );
  peer.take(found.end);
  return found.number;
}

/** Searches for the notice, each time from where the last search ended. */
export function finderOf(peer: Pick<TcpPeer, "unread">, { words, number }: Notice): () => Found | undefined {
  let from = 0;
  return () => {
    const unread = peer.unread();
    for (let at = unread.indexOf(words, from); at >= 0; at = unread.indexOf(words, at + 1)) {
      from = at;
      const start = at + words.length;
      const found = restOf(unread.toString("latin1", start, start + MAX_REST_BYTES), number);
      if (found) return { end: start + found.end, number: found.number };
    }
    from = Math.max(from, unread.length - words.length + 1);
    return undefined;
  };
}

/** What follows the text of a notice: the number, the end of an object, the newline. */
function restOf(rest: string, number: Notice["number"]): Found | undefined {
  const digits = number ? (/^\d{1,15}/.exec(rest)?.[0] ?? "") : "";
  if (number && (digits === "" || !rest.startsWith(number.behind, digits.length))) return undefined;
  let end = digits.length + (number?.behind.length ?? 0);
  const object = /^[^{}\n]*\}/.exec(rest.slice(end));
  end += object?.[0].length ?? 0;
  return { end: rest[end] === "\n" ? end + 1 : end, number: Number(digits) };
}
