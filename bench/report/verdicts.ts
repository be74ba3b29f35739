/** What is wrong and what cannot be trusted: first on the page, because no figure below is worth more. */
import type { Invalidity, Sample, Wrong } from "../record.ts";
import { type Group, groupBy } from "./data.ts";
import { html, type Markup, table, visible } from "./html.ts";
import type { Section, Source } from "./section.ts";
import { count, digits, percent } from "./units.ts";

const plural = (n: number, one: string, many = `${one}s`): string => `${count(n)} ${n === 1 ? one : many}`;

type Tile = { mark: "good" | "bad" | "doubt"; title: string; words: string };

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
  const invalid = samples.filter((sample) => sample.invalid.length > 0).length;
  if (invalid === 0)
    return { mark: "good", title: "Every sample counts", words: "no validity rule was broken" };
  return {
    mark: "doubt",
    title: `${count(samples.length - invalid)} of ${count(samples.length)} samples count`,
    words: `${plural(invalid, "sample is", "samples are")} left out of every median and curve`,
  };
}

const completeness = (partial: string | null): Tile =>
  partial === null
    ? { mark: "good", title: "Ran to its end", words: "nothing is missing" }
    : { mark: "doubt", title: "Ended early", words: partial };

const symbols = { good: "✓", bad: "✗", doubt: "!" };

const tile = ({ mark, title, words }: Tile): Markup =>
  html`<li class="tile ${mark}"><span class="mark" aria-hidden="true">${symbols[mark]}</span><div><strong>${title}</strong><br>${words}</div></li>`;

const detailOf = (wrong: Wrong) =>
  html`<li><strong>${wrong.kind}</strong> ×${count(wrong.count)}: ${visible(wrong.words)}</li>`;

/** The same fault of several samples, told once. */
const joined = (wrongs: Wrong[]): Wrong[] =>
  groupBy(wrongs, ({ kind }) => kind).map(([kind, all]) => ({
    kind,
    count: all.reduce((sum, { count }) => sum + count, 0),
    words: [...new Set(all.map(({ words }) => words))].slice(0, 4).join(" · "),
  }));

const WITNESSES_SHOWN = 12;

function witnessesOf(group: Group): Markup | undefined {
  const all = group.samples.flatMap(({ witnesses }) => witnesses);
  if (all.length === 0) return undefined;
  const who = (value: number | undefined) => (value === undefined ? "–" : String(value));
  const rest = all.length - WITNESSES_SHOWN;
  return html`<details><summary>${plural(all.length, "witness", "witnesses")}</summary>
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

const measured = (value: number, unit: string): string =>
  unit === "share" ? percent(value) : `${digits(value)} ${unit}`;

function brokenRule(rule: string, all: { group: Group; broken: Invalidity }[], { name }: Source): Markup {
  const [{ broken }] = all;
  const places = groupBy(all, ({ group }) => name(group));
  return html`<article class="fault remark"><h4>${rule}: ${plural(all.length, "sample")}</h4>
<p>${broken.words} <span class="note">(limit ${measured(broken.limit, broken.unit)})</span></p>
<ul>${places.map(
    ([place, of]) =>
      html`<li>${place}: <span class="figures">${of.map(({ broken }) => measured(broken.value, broken.unit)).join(", ")}</span></li>`,
  )}</ul></article>`;
}

function invalids(source: Source): Markup | undefined {
  const all = source.groups.flatMap((group) =>
    group.samples.flatMap(({ invalid }) => invalid.map((broken) => ({ group, broken }))),
  );
  if (all.length === 0) return undefined;
  return html`<h3>What does not count, and why</h3>
${groupBy(all, ({ broken }) => broken.rule).map(([rule, of]) => brokenRule(rule, of, source))}`;
}

export const verdicts: Section = {
  id: "verdicts",
  title: "Verdicts",
  render(source) {
    const { record } = source;
    return html`<ul class="tiles">${[correctness(record.samples), trust(record.samples), completeness(record.partial)].map(tile)}</ul>
${
  record.warnings.length > 0 &&
  html`<h3>Warnings</h3><ul class="warnings">${record.warnings.map((words) => html`<li>${words}</li>`)}</ul>`
}
${wrongs(source)}
${invalids(source)}`;
  },
};
