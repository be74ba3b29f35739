/** What is wrong and what cannot be trusted: first on the page, because no figure below is worth more. */

import { html, type Markup, prose, table, visible } from "../../pages/html.ts";
import { type Tile, tiles } from "../../pages/tiles.ts";
import type { CellSamples } from "../record/cells.ts";
import type { Invalidity, Sample, Wrong } from "../record/record.ts";
import { isValid } from "../record/validity.ts";
import type { Section, Source } from "./section.ts";
import { count, digits, percent } from "./units.ts";

const plural = (n: number, one: string, many = `${one}s`): string => `${count(n)} ${n === 1 ? one : many}`;

function correctness(samples: Sample[]): Tile {
  const wrong = samples.filter((sample) => sample.wrong.length > 0);
  if (wrong.length === 0)
    return { mark: "good", title: "Nothing wrong", words: `in ${plural(samples.length, "sample")}` };
  const faults = wrong.flatMap((sample) => sample.wrong).reduce((sum, { count }) => sum + count, 0);
  return {
    mark: "bad",
    title: plural(faults, "fault"),
    words: `in ${count(wrong.length)} of ${plural(samples.length, "sample")}`,
  };
}

function trust(samples: Sample[]): Tile {
  const invalid = samples.filter((sample) => !isValid(sample)).length;
  if (invalid === 0)
    return { mark: "good", title: "Every sample is valid", words: "no rule of validity was broken" };
  return {
    mark: "doubt",
    title: `${count(samples.length - invalid)} of ${count(samples.length)} samples valid`,
    words: `${plural(invalid, "sample")} discarded: in no median and no curve`,
  };
}

const completeness = (partial: string | null): Tile =>
  partial === null
    ? { mark: "good", title: "Ran to its end", words: "nothing is missing" }
    : { mark: "doubt", title: "Ended early", words: partial };

const detailOf = (wrong: Wrong) =>
  html`<li><strong>${wrong.kind}</strong> ×${count(wrong.count)}: ${visible(wrong.words)}</li>`;

/** The same fault of several samples, told once. */
const joined = (wrongs: Wrong[]): Wrong[] =>
  [...Map.groupBy(wrongs, ({ kind }) => kind)].map(([kind, all]) => ({
    kind,
    count: all.reduce((sum, { count }) => sum + count, 0),
    words: [...new Set(all.map(({ words }) => words))].slice(0, 4).join(" · "),
  }));

const WITNESSES_SHOWN = 12;

function witnessesOf(group: CellSamples): Markup | undefined {
  const all = group.samples.flatMap(({ witnesses }) => witnesses);
  if (all.length === 0) return undefined;
  const who = (value: number | undefined) => (value === undefined ? "–" : String(value));
  const rest = all.length - WITNESSES_SHOWN;
  return html`<details class="must"><summary>${plural(all.length, "witness", "witnesses")}</summary>
${table({
  head: ["what", "receiver", "sender", "sequence", "bytes as text"],
  rows: all
    .slice(0, WITNESSES_SHOWN)
    .map(({ kind, receiver, sender, sequence, text }) => [
      kind,
      who(receiver),
      who(sender),
      who(sequence),
      text === undefined ? "–" : html`<code>${visible(text)}</code>`,
    ]),
  numbersFrom: 9,
})}
${rest > 0 && html`<p class="note">The record has ${plural(rest, "more witness", "more witnesses")}.</p>`}</details>`;
}

function wrongs({ groups, name }: Source): Markup | undefined {
  const of = groups.filter(({ samples }) =>
    samples.some(({ wrong, witnesses }) => wrong.length + witnesses.length > 0),
  );
  if (of.length === 0) return undefined;
  return html`<h3>What the server did wrong</h3>
${of.map((group) => {
  const all = joined(group.samples.flatMap(({ wrong }) => wrong));
  return html`<article class="${all.length > 0 ? "fault" : "fault remark"}"><h4>${name(group)}</h4>
<ul>${all.map(detailOf)}${all.length === 0 && html`<li>Not counted as a fault of the server, but seen.</li>`}</ul>${witnessesOf(group)}</article>`;
})}`;
}

/** Values with their unit, which is said once. */
const measured = (values: number[], unit: string): string =>
  unit === "share" ? values.map(percent).join(", ") : `${values.map(digits).join(", ")} ${unit}`;

const PLACES_SHOWN = 4;

function brokenRule(
  rule: string,
  all: { group: CellSamples; broken: Invalidity }[],
  { name }: Source,
): Markup {
  const [{ broken }] = all;
  const places = [...Map.groupBy(all, ({ group }) => name(group))].map(
    ([place, of]) =>
      html`<li>${place}: <span class="figures">${measured(
        of.map(({ broken }) => broken.value),
        broken.unit,
      )}</span></li>`,
  );
  return html`<article class="fault remark"><h4>${plural(all.length, "sample")} discarded: ${rule}</h4>
<p>${prose(broken.words)} <span class="note">(limit ${measured([broken.limit], broken.unit)})</span></p>
${shortened(places, PLACES_SHOWN, "places")}</article>`;
}

/** A list, and what is beyond a few of it behind a click, though not in print. */
function shortened(items: Markup[], most: number, what: string): Markup {
  if (items.length <= most) return html`<ul>${items}</ul>`;
  return html`<details class="must"><summary>${items.length} ${what}</summary><ul>${items}</ul></details>`;
}

function invalids(source: Source): Markup | undefined {
  const all = source.groups.flatMap((group) =>
    group.samples.flatMap(({ invalid }) => invalid.map((broken) => ({ group, broken }))),
  );
  if (all.length === 0) return undefined;
  return html`<h3>Discarded samples, and why</h3>
${[...Map.groupBy(all, ({ broken }) => broken.rule)].map(([rule, of]) => brokenRule(rule, of, source))}`;
}

function warnings({ record }: Source): Markup | undefined {
  if (record.warnings.length === 0) return undefined;
  const items = record.warnings.map((words) => html`<li>${prose(words)}</li>`);
  return html`<h3>Warnings of the run</h3><div class="warnings">${shortened(items, PLACES_SHOWN, "warnings")}</div>`;
}

export const verdicts: Section = {
  id: "verdicts",
  title: "Verdicts",
  render(source) {
    const { record } = source;
    return html`${tiles([correctness(record.samples), trust(record.samples), completeness(record.partial)])}
${wrongs(source)}
${invalids(source)}
${warnings(source)}`;
  },
};
