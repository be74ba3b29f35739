/** What the sections on file share: the steps of a transfer, and reading the server's directory. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { Case } from "../case.ts";
import type { Context } from "../context.ts";
import { closed, exactly, holds, nextLine } from "../expect.ts";
import { type TcpPeer, until } from "../peer.ts";
import { Unsupported } from "../violation.ts";
import { show } from "../wire-log.ts";

const NAME_BYTES = 1024;

let transfers = 0;
/** A name that no other case uses, since an existing file is rejected. */
export const freshName = (): string => `conformance-${process.pid}-${++transfers}.bin`;

/** A name as it is sent: 1,024 bytes, padded with NUL. */
export function padded(name: string | Uint8Array): Buffer {
  const block = Buffer.alloc(NAME_BYTES);
  block.set(Buffer.from(name));
  return block;
}

export const sha256 = (bytes: Uint8Array): string =>
  new Bun.CryptoHasher("sha256").update(bytes).digest("hex");

export async function accepted(peer: TcpPeer): Promise<void> {
  await exactly(peer, "Y");
}

/** One byte other than Y, then the close; what the peer sends meanwhile has no effect. */
export async function refused(peer: TcpPeer): Promise<void> {
  await until(peer, peer.timeout, () => peer.unread().length > 0 || peer.ended !== "open");
  const answer = peer.take(1).toString();
  holds(
    answer !== "" && !/[Yy]/.test(answer),
    `${peer.name} receives N`,
    answer === "" ? "received nothing" : `received ${show(answer)}`,
  );
  await closed(peer);
}

export async function confirmed(peer: TcpPeer, body: Uint8Array): Promise<void> {
  const line = await nextLine(peer, "the size and SHA-256");
  holds(
    line === `${body.length} ${sha256(body)}`,
    `"${body.length} ${sha256(body)}"`,
    `received ${show(line)}`,
  );
}

/** A complete, well-behaved transfer. */
export async function transfer(t: Context, body: Uint8Array, name = freshName()): Promise<string> {
  const alice = await t.tcp(t.peers.length === 0 ? "alice" : `sender${t.peers.length}`);
  alice.send(padded(name));
  await accepted(alice);
  if (body.length > 0) alice.send(body);
  alice.finish();
  await confirmed(alice, body);
  await closed(alice, "fin");
  return name;
}

function directoryOf({ target }: Context): string {
  if (target.directory === undefined) throw new Unsupported("the server's directory cannot be read");
  return target.directory;
}

export const filesOf = async (t: Context): Promise<string[]> => readdir(directoryOf(t));

export async function contentOf(t: Context, name: string): Promise<Uint8Array> {
  const file = Bun.file(join(directoryOf(t), name));
  holds(await file.exists(), `a file ${name}`, "it does not exist");
  return file.bytes();
}

export const bytes = (length: number): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => (i * 31 + 7) & 0xff);

export type FileRule = Omit<Case, "id" | "source"> & { number: string };

export const fileCases = (rules: readonly FileRule[]): Case[] =>
  rules.map(({ number, ...rest }) => ({ ...rest, id: `file/${number}`, source: "docs/protocols.md#file" }));

export async function fileServes(t: Context): Promise<void> {
  await transfer(t, bytes(10));
}
