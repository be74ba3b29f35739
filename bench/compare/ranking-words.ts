/** A ranking in words: the sentence at its head, and what stands in its columns. */
import { aheadOf, listedNames } from "./phrases.ts";
import type { Place, RankedFigure, Ranking } from "./ranking.ts";
import { changeText, least } from "./words.ts";

const CELLS_NAMED = 4;

/** What one would say to a colleague who asks which is best: first who is wrong, since no speed makes up for that. */
export function rankingSentence(ranking: Ranking): string {
  const { wrong, servers } = ranking;
  const right = servers.filter((name) => wrong.every(({ server }) => server !== name));
  return [wrongSentence(ranking), ...(right.length > 1 ? [figuresSentence(ranking)] : [])]
    .filter(Boolean)
    .join(" ");
}

function wrongSentence({ wrong }: Ranking): string {
  if (wrong.length === 0) return "";
  const [{ cell, kind }] = wrong;
  const more = wrong.reduce((sum, { faults }) => sum + faults, 0) - 1;
  const names = listedNames(wrong.map(({ server }) => server));
  return `${names} ${wrong.length > 1 ? "are" : "is"} wrong (${cell}: ${kind}${more > 0 ? ` and ${more} more` : ""}); no speed makes up for that.`;
}

function figuresSentence(ranking: Ranking): string {
  const { figures } = ranking;
  const mains = figures.filter(({ main, places }) => main && rightOf(places).length > 1);
  if (mains.length === 0) return "There are no figures to compare.";
  const named = mains.slice(0, CELLS_NAMED).map((figure) => figurePhrase(figure, ranking, mains.length > 1));
  const more = mains.length - named.length;
  return `${[...named, ...(more > 0 ? [`and so on in ${more} more ${more > 1 ? "cells" : "cell"}`] : [])].join("; ")}.`;
}

const rightOf = (places: readonly Place[]) => places.filter(({ place }) => place !== null);

function figurePhrase(figure: RankedFigure, ranking: Ranking, several: boolean): string {
  const [best, ...others] = rightOf(figure.places);
  const beaten = others.filter(({ verdict }) => verdict === "slower");
  const beside = others.filter(({ verdict }) => verdict !== "slower");
  const where = several ? ` in ${figure.cell}` : "";
  const names = listedNames([best, ...beside].map(({ server }) => server));
  if (beaten.length === 0) {
    const allSame = others.every(({ tied }) => Object.values(tied).every((verdict) => verdict === "same"));
    return allSame && others.length > 0
      ? `${names} are the same within ± ${least(ranking)} in ${figure.label}${where}`
      : `which of ${names} is best in ${figure.label} is undecided${where}`;
  }
  const ahead = `${best.server} ${aheadOf(figure.metric, figure.label, beaten)}${where}`;
  return beside.length > 0 ? `${names} are not told apart, and ${ahead}` : ahead;
}

/** `1`, or `2–3` where it is not told apart from another. */
export const placeText = ({ place }: Place): string =>
  place === null ? "WRONG" : place.from === place.to ? `${place.from}` : `${place.from}–${place.to}`;

/** The ratio to the best, which is × 1 itself; none of a wrong server. */
export const toBestText = ({ place, toBest, verdict }: Place): string =>
  toBest === null && verdict === null && place !== null ? "× 1" : changeText({ change: place && toBest });

export const tiedText = ({ tied }: Place): string =>
  Object.entries(tied)
    .map(([name, verdict]) => (verdict === "same" ? `${name} (same)` : name))
    .join(", ");

/** What a place and its ratio are. */
export const PLACES_MEAN =
  "A place is a range where a server is not told apart from another; (same) is within the threshold, all others are undecided.";
