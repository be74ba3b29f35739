/** Text from a record stays text. */
import { describe, expect, test } from "bun:test";
import { html, prose, raw, table, visible } from "./html.ts";

describe("markup", () => {
  test("takes text as text, also inside attributes", () => {
    expect(html`<p title="${'">'}">${"<b>&'"}</p>`.markup).toBe(
      `<p title="&quot;&gt;">&lt;b&gt;&amp;&#39;</p>`,
    );
  });

  test("takes markup as it is, lists in their order, and nothing for what is not there", () => {
    expect(html`${raw("<i>")}${[1, "2"]}${undefined}${null}${false}`.markup).toBe("<i>12");
  });

  test("escapes what stands in a table, its head and its labels", () => {
    const { markup } = table({ head: ["<a>", "<b>"], rows: [["<c>", "<d>"]] }, true);
    expect(markup).not.toMatch(/<[abcd]>/);
  });

  test("sets flags as code, and their text is still escaped", () => {
    expect(prose("raise --rate or `<x>`").markup).toBe(
      `raise <code class="flag">--rate</code> or <code class="flag">&lt;x&gt;</code>`,
    );
  });
});

describe("a witness", () => {
  test("shows line ends and controls instead of obeying them", () => {
    expect(visible("a\r\n\0\u001b[0m\u202e")).toBe("a\\r\\n\\x00\\x1b[0m\\x202e");
  });

  test("is cut where it is long, and says by how much", () => {
    expect(visible("x".repeat(2000), 10)).toBe(`${"x".repeat(10)} … and 1,990 more`);
  });
});
