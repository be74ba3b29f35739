/** What `connect` has for each way to talk: a link, and what is typed cut into lines. */
import { type Endpoint, endpointForms, parseEndpoint, type TlsTrust } from "../../clients/endpoint.ts";
import { connectReason } from "../../clients/members.ts";
import { exitCodes, Failure } from "../../platform/failure.ts";
import { createLineBuffer, NEWLINE, splitLines } from "../../protocols/lines.ts";

/** The longest line that becomes one datagram or message. */
const MAX_LINE_BYTES = 16 * 1024 * 1024;

export type Link = {
  /** Takes a piece of the input; resolves when the next may come. */
  send: (chunk: Uint8Array) => Promise<void>;
  /** The input has ended: half-closes where the transport can. */
  finish: () => void;
  /** Settles when the other side has closed, with a reason where it gave one; rejects when it cannot be reached. */
  closed: Promise<string | undefined>;
  close: () => void;
};

export type LinkOptions = {
  /** Whose certificates are taken. */
  trust: TlsTrust | undefined;
  output: (bytes: Uint8Array | string) => void;
};

export const unreachable = (url: string, why: unknown): Failure =>
  new Failure(exitCodes.unreachable, connectReason({ url }, why));

/** A target as the bench takes it: with a port, and with an absolute path over a Unix socket. */
export function targetOf(url: string, trust?: TlsTrust): Endpoint {
  const target = parseEndpoint(url);
  if (target) return trust ? { ...target, trust } : target;
  throw new Failure(exitCodes.usage, `${url} is no address: it takes ${endpointForms}`);
}

/** Cuts the input into lines and sends each, without its newline; a last line may lack it. */
export function byLines(sendLine: (line: Buffer) => Promise<void> | void) {
  const lines = createLineBuffer();
  const cut = async (chunk: Uint8Array) => {
    const whole: Buffer[] = [];
    const readable = splitLines(lines, chunk, MAX_LINE_BYTES, (bytes, from, to) => {
      whole.push(Buffer.from(bytes.subarray(from, to)));
    });
    for (const line of whole) await sendLine(line);
    if (!readable) throw new Failure(exitCodes.usage, `a line of input is over ${MAX_LINE_BYTES} bytes`);
  };
  return {
    send: cut,
    last: () => (lines.length > 0 ? cut(Uint8Array.of(NEWLINE)) : Promise.resolve()),
  };
}
