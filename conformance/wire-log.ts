/**
 * What went over the wire in a case: both directions of every peer, with times, in readable form. Of entries that
 * differ only in their numbers the first and last few are kept, and how many were between.
 */
/** Bytes shown of one write or read; of a longer one the length is given. */
const SHOWN_BYTES = 240;
const SHOWN_HEX_BYTES = 80;
/** Entries of one shape that are kept from the beginning and from the end: up to ten are all shown. */
const KEPT_FIRST = 5;
const KEPT_LAST = 5;
/** Shapes that are distinguished per peer and direction: the rest share one. */
const MAX_SHAPES = 12;
const MAX_DOERS = 40;
/** Most lines of one log: its end matters more than its middle. */
const SHOWN_HEAD = 40;
const SHOWN_TAIL = 60;

type Entry = { number: number; line: string };
type Alike = { first: Entry[]; last: Entry[]; count: number };

export type WireLog = {
  readonly started: number;
  /** How many entries there have been. */
  entries: number;
  /** By peer and direction, then by shape: the text without its numbers. */
  readonly doers: Map<string, Map<string, Alike>>;
};

export const createWireLog = (): WireLog => ({ started: performance.now(), entries: 0, doers: new Map() });

export function note(log: WireLog, peer: string, what: string): void {
  const time = (performance.now() - log.started).toFixed(1).padStart(8);
  const entry = { number: log.entries++, line: `${time} ms  ${peer.padEnd(6)} ${what}` };
  const alike = alikeOf(log, peer, what);
  alike.count++;
  if (alike.first.length < KEPT_FIRST) alike.first.push(entry);
  else if (alike.last.push(entry) > KEPT_LAST) alike.last.shift();
}

/** Where an entry is kept. Peers whose names differ only in a number count as one: g0 to g49. */
function alikeOf({ doers }: WireLog, peer: string, what: string): Alike {
  const shape = withoutNumbers(what);
  const doer = `${withoutNumbers(peer)} ${what.split(" ", 1)[0]}`;
  const shapes = entryOf(doers, doer, MAX_DOERS, "others", () => new Map<string, Alike>());
  return entryOf(shapes, shape, MAX_SHAPES, "other", () => ({ first: [], last: [], count: 0 }));
}

/** The value of a key, made when it is new; in a full map all new keys share one. */
function entryOf<T>(map: Map<string, T>, key: string, most: number, rest: string, make: () => T): T {
  const known = map.has(key) || map.size < most ? key : rest;
  const value = map.get(known) ?? make();
  map.set(known, value);
  return value;
}

const withoutNumbers = (text: string) => text.replace(/\d+/g, "#");

export const sent = (log: WireLog, peer: string, bytes: Uint8Array): void =>
  note(log, peer, `→ ${show(bytes)}`);
export const received = (log: WireLog, peer: string, bytes: Uint8Array): void =>
  note(log, peer, `← ${show(bytes)}`);

/** All that was kept, in order, with the number of entries that were left out between. */
export function linesOf(log: WireLog): string[] {
  const kept = [...log.doers.values()]
    .flatMap((shapes) => [...shapes.values()])
    .flatMap(({ first, last }) => [...first, ...last])
    .sort((a, b) => a.number - b.number);
  const shown =
    kept.length > SHOWN_HEAD + SHOWN_TAIL ? [...kept.slice(0, SHOWN_HEAD), ...kept.slice(-SHOWN_TAIL)] : kept;
  return shown.flatMap(({ number, line }, i) => {
    const missing = number - (i === 0 ? 0 : shown[i - 1].number + 1);
    return missing > 0 ? [`            … ${missing} more …`, line] : [line];
  });
}

/** Bytes as quoted text where they are mostly text, else as hexadecimal; with their number when truncated. */
export function show(bytes: Uint8Array | string, most = SHOWN_BYTES): string {
  const length = typeof bytes === "string" ? Buffer.byteLength(bytes) : bytes.length;
  const start = Buffer.from(typeof bytes === "string" ? bytes.slice(0, most) : bytes.subarray(0, most));
  const part = start.subarray(0, most);
  const cut = length > most ? `… (${length} bytes)` : "";
  const odd = part.filter((byte) => (byte < 32 && byte !== 10 && byte !== 13) || byte > 126).length;
  return odd > part.length / 4 ? inHex(part, length) : `"${quoted(part)}"${cut}`;
}

/** Three characters per byte, so fewer bytes are shown. */
function inHex(start: Buffer, length: number): string {
  const part = start.subarray(0, SHOWN_HEX_BYTES);
  const cut = length > part.length ? `… (${length} bytes)` : "";
  return `${part.toString("hex").replace(/..(?=.)/g, "$& ")}${cut}`;
}

function quoted(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes)
    if (byte === 10) text += "\\n";
    else if (byte === 13) text += "\\r";
    else if (byte === 34 || byte === 92) text += `\\${String.fromCharCode(byte)}`;
    else if (byte < 32 || byte > 126) text += `\\x${byte.toString(16).padStart(2, "0")}`;
    else text += String.fromCharCode(byte);
  return text;
}
