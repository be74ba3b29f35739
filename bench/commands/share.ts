/** A share as flags have it. */
import { InvalidArgumentError } from "commander";

/** `5%` or `0.05`, above 0 and below 1. */
export function share(text: string): number {
  const value = text.endsWith("%") ? Number(text.slice(0, -1)) / 100 : Number(text);
  if (!/^\d+(\.\d+)?%?$/.test(text) || value <= 0 || value >= 1)
    throw new InvalidArgumentError("It takes a share, as 5% or 0.05.");
  return value;
}
