/**
 * Text of a peer that goes to a terminal, a log or a report: a file name, a line of a log, a witness. Raw, it could
 * move the cursor, set colours, or reorder the letters shown (CVE-2021-42574).
 */

/**
 * C0 and C1 controls with DEL (ECMA-48), line and paragraph separators, and the characters that order
 * bidirectional text (Unicode Standard Annex #9, section 2).
 */
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

function escaped(character: string): string {
  const code = character.charCodeAt(0).toString(16);
  return code.length > 2 ? `\\u{${code}}` : `\\x${code.padStart(2, "0")}`;
}

/**
 * The text with each character that would control a terminal escaped as `\x1b` or `\u{202e}`: newlines too, so that
 * one line stays one. All else, backslashes included, stays as it is.
 */
export const printable = (text: string): string => text.replace(UNPRINTABLE, escaped);

/** The same for a text of several lines, which stay lines. */
export const printableLines = (text: string): string => text.split("\n").map(printable).join("\n");
