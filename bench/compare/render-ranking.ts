/** A ranking as text for the terminal and as Markdown: the sentence, what is wrong, then who stands where. */
import { valueText } from "../record/units.ts";
import { table } from "../terminal/format.ts";
import type { Place, RankedFigure, Ranking } from "./ranking.ts";
import { PLACES_MEAN, placeText, rankingSentence, tiedText, toBestText } from "./ranking-words.ts";
import {
  bulletList,
  intervalsText,
  markdownTable,
  type RenderOptions,
  renderMarkdown,
  renderText,
} from "./render.ts";

type Column = { head: string; of: (place: Place, figure: RankedFigure) => string };

const columns: readonly Column[] = [
  { head: "place", of: placeText },
  { head: "median", of: ({ side }, { unit }) => valueText(unit, side.median) },
  { head: "to the best", of: toBestText },
  { head: "rounds", of: ({ rounds }) => (rounds === null ? "" : `${rounds}`) },
  { head: "not told apart from", of: tiedText },
];

const wrongLines = ({ wrong }: Ranking): string[] =>
  wrong.map(
    ({ server, cell, kind, words, faults }) =>
      `WRONG: ${server}: ${cell}: ${kind}: ${words}${faults > 1 ? ` (and ${faults - 1} more)` : ""}`,
  );

/** What is to be known of the figures: once, though it is said of each pair. */
function remarks(ranking: Ranking): string[] {
  const { comparisons, notCompared } = ranking;
  const forced = comparisons.flatMap(({ unlike }) =>
    unlike.map(({ field, old, new: now }) => `compared by force: ${field} is ${old} and ${now}`),
  );
  const all = [...forced, ...comparisons.flatMap(({ notes }) => notes), ...discardedTexts(ranking)];
  const cells = comparisons.flatMap((comparison) => comparison.cells);
  return [
    ...new Set(all),
    ...(notCompared.length > 0 ? [`no cell in common with others: ${notCompared.join(", ")}`] : []),
    ...(cells.length > 0 ? [`${PLACES_MEAN} ${intervalsText({ ...ranking, cells })}`] : []),
  ];
}

const discardedTexts = ({ comparisons }: Ranking): string[] =>
  comparisons.flatMap(({ old, new: now, cells }) =>
    cells.flatMap(({ name, discarded, missing }) =>
      (["old", "new"] as const).flatMap((side) => {
        const server = { old, new: now }[side].name;
        return [
          ...(missing[side].length > 0
            ? [`${name}: no valid sample of ${server} has ${missing[side].join(", ")}`]
            : []),
          ...(discarded[side] > 0 ? [`${name}: samples of ${server} discarded: ${discarded[side]}`] : []),
        ];
      }),
    ),
  );

/** With `all`, every pair follows. */
export function renderRanking(ranking: Ranking, options: RenderOptions = {}): string {
  const rows = ranking.figures.flatMap((figure) => [
    [`${figure.cell}: ${figure.label}`],
    ...figure.places.map((place) => [`  ${place.server}`, ...columns.map(({ of }) => of(place, figure))]),
  ]);
  const drawn = rows.length > 0 ? table(["", ...columns.map(({ head }) => head)], rows) : "";
  const pairs = options.all ? ranking.comparisons.map((one) => renderText(one, options)) : [];
  return [
    rankingSentence(ranking),
    wrongLines(ranking).join("\n"),
    drawn,
    remarks(ranking).join("\n"),
    ...pairs,
  ]
    .filter(Boolean)
    .join("\n\n");
}

export function renderRankingMarkdown(ranking: Ranking, options: RenderOptions = {}): string {
  const rows = ranking.figures.flatMap((figure) =>
    figure.places.map((place, i) => [
      i === 0 ? figure.cell : "",
      i === 0 ? figure.label : "",
      place.server,
      ...columns.map(({ of }) => of(place, figure)),
    ]),
  );
  const head = ["scenario", "figure", "server", ...columns.map(({ head }) => head)];
  const pairs = options.all ? ranking.comparisons.map((one) => renderMarkdown(one, options)) : [];
  return [
    `**${rankingSentence(ranking)}**`,
    bulletList(wrongLines(ranking)),
    rows.length > 0 ? markdownTable(head, rows, 3) : "",
    bulletList(remarks(ranking)),
    ...pairs,
  ]
    .filter(Boolean)
    .join("\n\n");
}
