/** Notices of a room under test: found wherever they stand, for of an earlier guest there may be words before them. */
import type { Dialect, Speaker } from "../../protocols/chat.ts";
import { type TcpPeer, until } from "../peer.ts";
import { Violation } from "../violation.ts";
import { show } from "../wire-log.ts";

/** Words, and where a number is to be read behind them, what stands behind that. */
type Notice = { words: string; number?: { behind: string } };
type Found = { end: number; number: number };

/** What tells a newcomer that it has joined, by what stands around its id or behind its address; undefined: nothing. */
function ownNoticeOf({ greeting, joined, newcomerSeesJoin, units }: Dialect): Notice | undefined {
  const [id, address] = [987_654, "@"];
  const text = (greeting ?? (newcomerSeesJoin ? joined : undefined))?.({ id, address }).trimEnd();
  if (text === undefined) return undefined;
  // The members of an object may come in any order.
  const said = units === "objects" ? `${JSON.parse(text).data}"` : text;
  const [words, behind] = said.split(String(id));
  return behind === undefined ? { words: said.split(address).pop() ?? said } : { words, number: { behind } };
}

/** No room gives a longer number, and no notice is longer behind its words. */
const MAX_REST_BYTES = 300;
/** How long the end of line that belongs to a notice may come after it, by a read of its own. */
const REST_MS = 20;

export const announcesItself = (dialect: Dialect): boolean => ownNoticeOf(dialect) !== undefined;

/** Waits until the newcomer has been told that it is in; its number, 0 where the dialect gives none. */
export async function ownNotice(dialect: Dialect, peer: TcpPeer): Promise<number> {
  return skipTo(peer, ownNoticeOf(dialect) ?? { words: "" }, "the notice that it has joined");
}

/** Waits until another has been told that somebody joined. */
export async function joinNotice({ joined, units }: Dialect, other: TcpPeer, who: Speaker): Promise<void> {
  const text = joined?.(who) ?? "";
  // The members of an object may come in any order.
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
      peer.unread().length > 0 ? `came ${show(peer.unread())}` : "nothing came",
    );
  peer.take(found.end);
  return found.number;
}

/** Looks for the notice, each time from where it has looked before. */
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

/** What belongs to a notice behind its words: the number, the end of an object, the end of the line. */
function restOf(rest: string, number: Notice["number"]): Found | undefined {
  const digits = number ? (/^\d{1,15}/.exec(rest)?.[0] ?? "") : "";
  if (number && (digits === "" || !rest.startsWith(number.behind, digits.length))) return undefined;
  let end = digits.length + (number?.behind.length ?? 0);
  const object = /^[^{}\n]*\}/.exec(rest.slice(end));
  end += object?.[0].length ?? 0;
  return { end: rest[end] === "\n" ? end + 1 : end, number: Number(digits) };
}
