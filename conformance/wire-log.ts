/** What went over the wire in a case: both directions of every peer, with times, in a form that people read. */

/** Bytes shown of one write or read; the length is always told. */
const SHOWN_BYTES = 240;
/** Entries kept of one case: its end matters more than its middle, so the middle goes. */
const KEPT_HEAD = 40;
const KEPT_TAIL = 60;

export type WireLog = {
  readonly started: number;
  head: string[];
  tail: string[];
  left: number;
};

export const createWireLog = (): WireLog => ({ started: performance.now(), head: [], tail: [], left: 0 });

export function note(log: WireLog, peer: string, what: string): void {
  const time = (performance.now() - log.started).toFixed(1).padStart(8);
  const line = `${time} ms  ${peer.padEnd(6)} ${what}`;
  if (log.head.length < KEPT_HEAD) log.head.push(line);
  else if (log.tail.push(line) > KEPT_TAIL) {
    log.tail.shift();
    log.left++;
  }
}

export const sent = (log: WireLog, peer: string, bytes: Uint8Array): void =>
  note(log, peer, `→ ${show(bytes)}`);
export const received = (log: WireLog, peer: string, bytes: Uint8Array): void =>
  note(log, peer, `← ${show(bytes)}`);

/** Of a run of entries that are alike so many are shown at each end; a run that is hardly longer, whole. */
const RUN_SHOWN = 3;
const RUN_FOLDED = 10;

export function linesOf(log: WireLog): string[] {
  const gap = log.left > 0 ? [`            … ${log.left} entries …`] : [];
  return [...folded(log.head), ...gap, ...folded(log.tail)];
}

/** Who does what: one peer's writes are alike, and so are all peers' connects, whatever stands in them. */
function kindOf(line: string): string {
  const [, peer = "", what = ""] = line.match(/ ms {2}(\S+) +(.*)/) ?? [];
  const word = what.split(" ", 1)[0];
  return word === "→" || word === "←" ? `${peer} ${word}` : word;
}

function folded(lines: readonly string[]): string[] {
  const shown: string[] = [];
  for (let from = 0, to = 0; from < lines.length; from = to) {
    const kind = kindOf(lines[from]);
    while (to < lines.length && kindOf(lines[to]) === kind) to++;
    const run = lines.slice(from, to);
    const more = run.length - 2 * RUN_SHOWN;
    if (run.length < RUN_FOLDED) shown.push(...run);
    else
      shown.push(
        ...run.slice(0, RUN_SHOWN),
        `            … ${more} more like these …`,
        ...run.slice(-RUN_SHOWN),
      );
  }
  return shown;
}

/** Bytes as a quoted text where they are mostly text, else as hexadecimal; with their number when it is cut. */
export function show(bytes: Uint8Array | string, most = SHOWN_BYTES): string {
  const all = typeof bytes === "string" ? Buffer.from(bytes) : Buffer.from(bytes);
  const part = all.subarray(0, most);
  const cut = all.length > most ? `… (${all.length} bytes)` : "";
  const odd = part.filter((byte) => (byte < 32 && byte !== 10 && byte !== 13) || byte > 126).length;
  if (odd > part.length / 4) return `${part.toString("hex").replace(/..(?=.)/g, "$& ")}${cut}`;
  let text = "";
  for (const byte of part)
    if (byte === 10) text += "\\n";
    else if (byte === 13) text += "\\r";
    else if (byte === 34 || byte === 92) text += `\\${String.fromCharCode(byte)}`;
    else if (byte < 32 || byte > 126) text += `\\x${byte.toString(16).padStart(2, "0")}`;
    else text += String.fromCharCode(byte);
  return `"${text}"${cut}`;
}
