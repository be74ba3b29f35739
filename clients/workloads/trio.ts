/**
 * Three members of one room, and what they are to hear of each other: everything, once and in order, however late. What
 * has not come is lost only when what was said behind it has.
 */
import type { Dialect } from "../../protocols/chat.ts";
import type { LineForm } from "../corpus.ts";
import type { Endpoint } from "../endpoint.ts";
import { openProbes, type Probe } from "../probe.ts";
import {
  CASE_TIMEOUT_MS,
  compareUnits,
  type Heard,
  latin1,
  QUIET_MS,
  STALLED_MS,
  type Stage,
  stopIfHopeless,
} from "../stages.ts";
import { Unreachable } from "../unreachable.ts";

/** More than this behind a case is not waited for: nobody has asked for it. */
const MAX_BEHIND_BYTES = 1_048_576;
/** Three members of one room, how they speak, and the marks that they have set, as they are delivered. */
export type Trio = {
  a: Probe;
  b: Probe;
  c: Probe;
  form: LineForm;
  prefixOf: (probe: Probe) => Uint8Array;
  marks: Set<string>;
};

export const SYNC = new Uint8Array(Buffer.from("(another member speaks between the parts)"));

/** Opens three members and waits until they hear each other; ids are read from the greetings. */
export async function openTrio(target: Endpoint, dialect: Dialect, form: LineForm): Promise<Trio> {
  const [a, b, c] = await openProbes(target, 3);
  const ids = new Map<Probe, number>();
  const prefixOf = (probe: Probe) =>
    Buffer.from(dialect.prefix({ address: probe.address, id: ids.get(probe) ?? 0 }));
  // C speaks until B and A have heard it: from then on nothing of the joining is left on its way.
  const sync = form.write(SYNC);
  const heard = Buffer.from(SYNC).toString("latin1");
  const got = new Map<Probe, string>([a, b, c].map((probe) => [probe, ""]));
  for (let tries = 0; ; tries++) {
    if (tries === 25) {
      for (const probe of [a, b, c]) probe.close();
      throw new Unreachable(`${target.url} took 3 members, but they did not hear each other within 5 s`);
    }
    c.send(sync);
    await Promise.all([a, b].map((probe) => probe.arrived(1, 200)));
    for (const probe of [a, b, c]) got.set(probe, got.get(probe) + latin1(probe.take()));
    for (const [probe, text] of got) ids.set(probe, idIn(dialect, text));
    const met = [a, b].every((probe) => got.get(probe)?.includes(heard));
    if (met && ![...ids.values()].includes(Number.NaN)) break;
  }
  await quiet(a, b, c);
  return { a, b, c, form, prefixOf, marks: new Set() };
}

/** Waits until nothing more comes, and forgets what came. */
export async function quiet(...probes: Probe[]): Promise<void> {
  for (let i = 0; i < 20; i++) {
    for (const probe of probes) probe.take();
    const came = await Promise.all(probes.map((probe) => probe.arrived(1, QUIET_MS)));
    if (!came.includes(true)) return;
  }
}

export const delivered = ({ form, prefixOf }: Trio, probe: Probe, line: Uint8Array) =>
  Buffer.concat([prefixOf(probe), form.delivered(line)]);

/** Something said, as it is to be delivered. */
export type Said = { by: Probe; unit: Uint8Array };

/** Waits for exactly these units at everyone who is to hear them, in this order, and enters what is otherwise. */
export async function expectUnits(stage: Stage, trio: Trio, said: Said[], what: string): Promise<void> {
  stage.tried++;
  const { a, b, c } = trio;
  let differs = false;
  for (const [name, listener] of [["B", b] as const, ["A", a] as const, ["C", c] as const]) {
    const isForIt = ({ by }: Said) => trio.form.echoes || by !== listener;
    const units = said.filter(isForIt).map(({ unit }) => unit);
    const heard = await gather(trio, listener, units);
    if (heard === undefined) continue;
    differs = true;
    const own = said.filter((one) => !isForIt(one)).map(({ unit }) => unit);
    compareUnits(stage, units, heard, `${what}, as ${name} hears it`, own, trio.marks);
  }
  if (differs) await quiet(a, b, c);
  stopIfHopeless(stage, [a, b, c], what);
}

/** What comes at a listener instead of just these units; undefined when it is these. */
async function gather(trio: Trio, listener: Probe, units: Uint8Array[]): Promise<Heard | undefined> {
  const wanted = Buffer.concat(units);
  await listener.arrived(wanted.length, CASE_TIMEOUT_MS);
  const first = listener.take();
  if (wanted.equals(first)) return undefined;
  let got: Buffer = Buffer.from(first);
  let complete = true;
  if (got.length < wanted.length) {
    const mark = setMark(trio, listener === trio.c ? trio.b : trio.c);
    got = await read(listener, got, STALLED_MS, (all) => all.includes(mark));
    complete = got.includes(mark) || listener.lost() !== undefined;
  }
  return { got: await read(listener, got, QUIET_MS, () => false), complete };
}

/**
 * Says what nobody has said before. What is said now must come behind all else: only when it has come is what has not
 * come lost, and not late. It may be late itself, at others in a later case, too.
 */
function setMark({ marks, ...trio }: Trio, speaker: Probe): Buffer {
  const text = Buffer.from(`(mark ${marks.size + 1})`);
  const mark = Buffer.concat([trio.prefixOf(speaker), trio.form.delivered(text)]);
  marks.add(latin1(mark));
  speaker.send(trio.form.write(text));
  return mark;
}

/** Adds what comes, until it is all or nothing comes for so long. */
async function read(
  probe: Probe,
  first: Buffer,
  milliseconds: number,
  isAll: (got: Buffer) => boolean,
): Promise<Buffer> {
  let got = first;
  while (!isAll(got) && got.length < first.length + MAX_BEHIND_BYTES) {
    if (!(await probe.arrived(1, milliseconds))) break;
    got = Buffer.concat([got, probe.take()]);
  }
  return got;
}

/** The id that a greeting in this text gives its newcomer: 0 in a dialect that gives none, NaN before it came. */
export function idIn({ greeting }: Dialect, text: string): number {
  if (!greeting) return 0;
  const pattern = new RegExp(greeting({ id: 0, address: "" }).replace("0", "(\\d+)"));
  return Number(pattern.exec(text)?.[1]);
}
