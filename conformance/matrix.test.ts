/** The matrix, in a terminal and as a page: worst first, within the screen, and text of servers stays text. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseHTML } from "linkedom";
import type { Browser } from "playwright-core";
import { browserPath, launchBrowser } from "../testing/browser.ts";
import { blank, type CaseResult } from "./case.ts";
import { countsOf } from "./index.ts";
import type { Matrix } from "./matrix.ts";
import { matrixPage } from "./matrix-page.ts";
import { rowsOf, scoreOf } from "./matrix-rows.ts";
import { matrixText } from "./matrix-text.ts";

const hostile = '<script>document.title="owned"</script>\u202e\x1b[31m';

const made = (id: string, more: Partial<CaseResult> = {}): CaseResult => ({
  ...blank({
    id,
    title: `the title of ${id}`,
    requirement: `The server MUST pass ${id}.`,
    source: "docs/protocols.md#echo",
    level: "MUST",
    async run() {},
  }),
  ...more,
});

const failure: Partial<CaseResult> = {
  verdict: "fail",
  expected: "alice receives a pong",
  actual: `received "${hostile}"`,
  endings: { alice: "open" },
  wire: Array.from({ length: 30 }, (_, i) => `   ${i}.0 ms  alice  ← "${"x".repeat(200)}"`),
};

const targetOf = (name: string, ...results: CaseResult[]): Matrix[number] => ({
  name,
  report: { schema: "sockbench-conform/1", target: name, strict: false, results, counts: countsOf(results) },
});

/** So many targets, of which the second has every kind of result. */
function matrixOf(targets: number): Matrix {
  const good = Array.from({ length: 12 }, (_, i) => made(`echo/1.${i + 1}`));
  const bad = good.map((result, i) => ({
    ...result,
    ...[
      {},
      failure,
      { verdict: "not strict" as const, actual: "received nothing" },
      { ...failure, known: "a reason" },
      { verdict: "unsupported" as const, actual: "it has no clock" },
      { verdict: "error" as const, actual: hostile },
    ][i],
  }));
  return Array.from({ length: targets }, (_, i) =>
    i === 1 ? targetOf(hostile, ...bad) : targetOf(`a server called ${i}`, ...good),
  );
}

test("rows are in the order of ids, whichever targets ran them", () => {
  const matrix = [
    targetOf("a", made("echo/1.10"), made("relay/1.1")),
    targetOf("b", made("relay/1.2"), made("echo/1.9")),
  ];
  expect(rowsOf(matrix).map(({ id, results }) => [id, ...results.map((result) => result?.id)])).toEqual([
    ["echo/1.9", undefined, "echo/1.9"],
    ["echo/1.10", "echo/1.10", undefined],
    ["relay/1.1", "relay/1.1", undefined],
    ["relay/1.2", undefined, "relay/1.2"],
  ]);
});

test.each<[results: Partial<CaseResult>[], score: string]>([
  [[{}, {}], "✓ 2"],
  [[{}, { verdict: "unsupported" }], "✓ 1"],
  [[{ verdict: "unsupported" }], "-"],
  [[{}, { verdict: "not strict" }, { verdict: "fail" }], "✗ 1/3"],
  [[{}, { verdict: "fail", known: "why" }], "≈ 1/2"],
  [[{ verdict: "error" }, { verdict: "not strict" }], "! 0/2"],
  [[], ""],
])("a score is the worst sign and passed of judged: %#", (results, score) => {
  expect(scoreOf(results.map((more, i) => made(`echo/1.${i}`, more)))).toBe(score);
});

describe("in a terminal", () => {
  test.each([80, 120])("no line is wider than %i columns, and every target is shown", (columns) => {
    const text = matrixText(matrixOf(9), columns);
    for (const line of text.split("\n")) expect(line.length).toBeLessThanOrEqual(columns);
    for (const i of [0, 2, 3, 4, 5, 6, 7, 8]) expect(text).toContain(`a server called ${i}`);
  });

  test("failed cases come first, and each case is listed once", () => {
    const text = matrixText(matrixOf(2), 120);
    const starts = ["Failed (", "Errors (", "Not strict (", "Known deviations (", "Unsupported:"];
    expect(starts.map((start) => text.indexOf(`\n${start}`)).toSorted((a, b) => a - b)).not.toContain(-1);
    expect(text.match(/^. echo\/1\.\d+/gm)).toEqual(["✗ echo/1.2", "! echo/1.6", "~ echo/1.3", "≈ echo/1.4"]);
  });
});

describe("as a page", () => {
  const { document } = parseHTML(matrixPage(matrixOf(3)));

  test("failed cases come before all others, with requirement and wire log", () => {
    const sections = [...document.querySelectorAll("main > section")].map(({ id }) => id);
    expect(sections).toEqual(
      ["targets", "fail", "error", "not-strict", "known"].concat(["unsupported", "sections", "cases"]),
    );
    const [failed] = document.querySelectorAll("#fail details");
    expect(failed.querySelector(".requirement")?.textContent).toStartWith("The server MUST pass echo/1.2.");
    expect(failed.querySelectorAll(".wire code").length).toBe(30);
    expect(failed.textContent).toContain("alice receives a pong");
  });

  test.each<[more: Partial<CaseResult>, heading: string]>([
    [{}, "No case failed"],
    [failure, "1 case failed"],
    [{ verdict: "error", actual: "it does not start" }, "1 case could not run"],
    [{ verdict: "unsupported", actual: "no clock" }, "No case could be judged"],
    [{ ...failure, known: "why" }, "No case failed"],
  ])("the heading says the worst: %#", (more, heading) => {
    const page = matrixPage([targetOf("mine", made("echo/1.1", more))]);
    expect(parseHTML(page).document.querySelector("h1")?.textContent).toBe(heading);
  });

  test("a violated SHOULD is in the heading where --strict makes it a failure", () => {
    const { name, report } = targetOf("mine", made("echo/1.1", { verdict: "not strict" }));
    const headings = [false, true].map((strict) => {
      const { document } = parseHTML(matrixPage([{ name, report: { ...report, strict } }]));
      return [document.querySelector("h1")?.textContent, document.querySelector(".tile")?.className];
    });
    expect(headings).toEqual([
      ["No case failed", "tile doubt"],
      ["1 case violated a SHOULD", "tile bad"],
    ]);
  });

  test("the table of cases links to the details of a case", () => {
    const links = [...document.querySelectorAll("#cases a")].map((link) => link.getAttribute("href"));
    expect(links).toEqual(["#echo/1.2", "#echo/1.3", "#echo/1.4", "#echo/1.6"]);
    for (const link of links) expect(document.getElementById(link?.slice(1) ?? "")).not.toBeNull();
  });

  test("text of a server stays text, and nothing runs", () => {
    expect(document.querySelectorAll("script, img, iframe, [onclick], [onerror]").length).toBe(0);
    expect(document.body.textContent).toContain('<script>document.title="owned"</script>');
    expect(/[\x1b\u202e]/.test(document.body.textContent ?? "")).toBe(false);
  });
});

describe.skipIf(!browserPath)(`in Chromium${browserPath ? "" : " (skipped: none is installed)"}`, () => {
  const folder = mkdtempSync(join(tmpdir(), "sockbench-matrix-"));
  const pathOf = (targets: number) => join(folder, `${targets}.html`);
  let browser: Browser;

  beforeAll(async () => {
    for (const targets of [3, 12]) await Bun.write(pathOf(targets), matrixPage(matrixOf(targets)));
    browser = await launchBrowser();
  }, 60_000);
  afterAll(async () => {
    await browser?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  test.each([3, 12])(
    "%i targets fit a phone, a tablet and a desk, with every case opened",
    async (targets) => {
      for (const width of [360, 390, 768, 1280]) {
        const page = await browser.newPage({ viewport: { width, height: 800 } });
        await page.goto(`file://${pathOf(targets)}`);
        await page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true");
        expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(width);
        await page.close();
      }
    },
    60_000,
  );

  test("a click opens a case, without script", async () => {
    const context = await browser.newContext({ javaScriptEnabled: false });
    const page = await context.newPage();
    await page.goto(`file://${pathOf(3)}`);
    const wire = page.locator("#fail .wire").first();
    expect(await wire.isVisible()).toBe(false);
    await page.locator("#fail summary").first().click();
    expect(await wire.isVisible()).toBe(true);
    await context.close();
  }, 60_000);

  test("it follows a dark setting, and each verdict has its own colour", async () => {
    const seen = await Promise.all(
      (["light", "dark"] as const).map(async (colorScheme) => {
        const page = await browser.newPage({ colorScheme });
        await page.goto(`file://${pathOf(3)}`);
        const colors = await page.evaluate<string[]>(
          "['body', '#cases .pass', '#cases .fail', '#cases .not-strict'].map((one) => { const s = getComputedStyle(document.querySelector(one)); return one === 'body' ? s.backgroundColor : s.color })",
        );
        await page.close();
        return colors;
      }),
    );
    const [light, dark] = seen;
    expect(light[0]).not.toBe(dark[0]);
    for (const colors of seen) expect(new Set(colors).size).toBe(4);
  }, 60_000);
});
