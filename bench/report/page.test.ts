/** The report as a reader meets it: in a browser, on a phone and on a desk, from whole records and from poor ones. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseHTML } from "linkedom";
import type { Browser, Page } from "playwright-core";
import { browserPath, launchBrowser } from "../../testing/browser.ts";
import { sampleOf } from "../compare/testing.ts";
import { fixture, hostile } from "./fixture.ts";
import { renderReport } from "./page.ts";

/** The sections of a page, by their ids. */
function sectionsOf(page: string): string[] {
  const { document } = parseHTML(page);
  return [...document.querySelectorAll("main > section")].map((section) => section.id);
}

describe("a report", () => {
  test("has a section for all that a record holds", async () => {
    const page = await renderReport([fixture({ hour: 2 }), fixture({ hour: 3, slow: 1.5 })]);
    expect(sectionsOf(page)).toEqual(
      ["verdicts", "comparison", "figures", "room", "latency", "capacity", "samples"].concat([
        "framing",
        "coalescing",
        "truncation",
        "loss",
        "history",
        "setup",
      ]),
    );
  });

  test("says what is wrong before anything else", async () => {
    expect(sectionsOf(await renderReport([fixture()]))[0]).toBe("verdicts");
  });

  test.each(["fanout", "coalesce", "truncate", "framing"])("is made of %s alone", async (scenario) => {
    const record = fixture();
    const samples = record.samples.filter((sample) => sample.scenario === scenario);
    const page = await renderReport([{ ...record, samples }]);
    expect(sectionsOf(page)).toContain("setup");
    expect(page.match(/NaN|undefined|\[object/)).toBeNull();
  });

  test("is made of a record without any sample, ended early and without calibration", async () => {
    const { calibration: _, capacity: __, ...record } = fixture();
    const page = await renderReport([{ ...record, samples: [], partial: "interrupted" }]);
    expect(sectionsOf(page)).toEqual(["verdicts", "setup"]);
    expect(page).toContain("interrupted");
  });

  test("is made of a record in which no sample counts", async () => {
    const record = fixture();
    const invalid = [{ rule: "stolen CPU", value: 1, limit: 0.1, unit: "share", words: "all of it" }];
    const page = await renderReport([
      { ...record, samples: record.samples.map((one) => ({ ...one, invalid })) },
    ]);
    expect(page).toContain("0 of ");
    expect(page).toContain("All samples with a latency were discarded");
    expect(page.match(/NaN|Infinity|undefined/)).toBeNull();
  });

  test("shows hostile text of a record as text, and lets nothing run or load", async () => {
    const page = await renderReport([fixture({ servers: ["bun", hostile] })]);
    const { document } = parseHTML(page);
    expect(document.querySelectorAll("script, img, iframe, object, embed, [onerror], [onload]").length).toBe(
      0,
    );
    expect(/[\0\u001b\u202e]/.test(page)).toBe(false);
    expect(document.body.textContent).toContain("<script>document.title='owned'</script>");
    expect(
      document.querySelector("meta[http-equiv=Content-Security-Policy]")?.getAttribute("content"),
    ).toStartWith("default-src 'none'");
  });

  test("has the figures of transfer, connect and idle, and names the servers under test alone", async () => {
    const of = (scenario: string, metrics: Record<string, number>, parts = {}) =>
      sampleOf({ scenario, variant: `${scenario} 1`, parameters: {}, metrics, ...parts });
    const { calibration: _, capacity: __, ...record } = fixture();
    const page = await renderReport([
      {
        ...record,
        samples: [
          of("transfer", { transferRate: 2 ** 30, serverMemoryPeak: 3 * 2 ** 20 }),
          of("transfer", { transferRate: 2 ** 31 }, { variant: "raw copy", server: "reference" }),
          of("connect", { sessionRate: 12_000, "session.p99": 4e6, serverCpuPerSession: 31_000 }),
          of("idle", { serverMemoryPerConnection: 2048 }),
        ],
      },
    ]);
    const { document } = parseHTML(page);
    const cells = [...document.querySelectorAll("#figures td")].map(({ textContent }) =>
      textContent.replaceAll("\u00a0", " "),
    );
    for (const figure of ["1 GiB/s", "2 GiB/s", "3 MiB", "12 k/s", "4 ms", "31 µs", "2,048 B"])
      expect(cells).toContain(figure);
    expect(document.querySelector("h1")?.textContent).toBe("transfer, connect, idle on bun");
  });

  test("marks in a history where a figure changed", async () => {
    const runs = Array.from({ length: 14 }, (_, i) => {
      const run = fixture({ hour: i + 1, samples: 1, slow: i < 7 ? 1 : 1.6 });
      return { ...run, samples: run.samples.filter(({ variant }) => variant === "chat/bracket 100 closed") };
    });
    const { document } = parseHTML(await renderReport(runs));
    const plot = document.querySelector("#history figure.plot");
    expect(plot?.querySelector("figcaption p")?.textContent).toMatch(
      /Changed at run 8: .* → .*, × 0\.6\d\d \(slower\), on the same commit\.$/,
    );
    expect(plot?.querySelectorAll("svg [stroke-dasharray='4 3'] line").length).toBe(1);
  });

  test("shows the rounds of a comparison one by one, and none of records apart", async () => {
    const only = (record: ReturnType<typeof fixture>) => ({
      ...record,
      samples: record.samples.filter(({ variant }) => variant === "chat/bracket 100 closed"),
    });
    const plotsOf = async (...runs: ReturnType<typeof fixture>[]) => {
      const { document } = parseHTML(await renderReport(runs.map(only)));
      return [...document.querySelectorAll("#comparison figure.small")];
    };
    const plots = await plotsOf(fixture({ servers: ["bun", "go"], samples: 5 }));
    expect(plots.map((plot) => plot.querySelector("h3")?.textContent)).toEqual([
      "fanout chat/bracket 100 closed: verified deliveries",
      "fanout chat/bracket 100 closed: server CPU per delivery",
    ]);
    for (const plot of plots) {
      expect(plot.querySelectorAll("svg circle").length).toBe(5);
      expect(plot.querySelectorAll("details tbody tr").length).toBe(5);
    }
    expect(await plotsOf(fixture({ hour: 2 }), fixture({ hour: 3 }))).toEqual([]);
  });

  test("ranks three servers, and has every pair behind a click", async () => {
    const { document } = parseHTML(await renderReport([fixture({ servers: ["bun", "go", "node"] })]));
    const section = document.querySelector("#comparison");
    // The made-up servers are all wrong.
    expect(section?.querySelector(".lead")?.textContent).toStartWith("bun, go and node are wrong (");
    expect(section?.querySelector("table thead")?.textContent).toContain("not told apart from");
    const pairs = [...(section?.querySelectorAll("details.must > summary") ?? [])].map(
      ({ textContent }) => textContent,
    );
    for (const pair of ["bun and go", "bun and node", "go and node"]) expect(pairs).toContain(pair);
  });

  test("says of two runs of one minute which is old and which is new, by when they were started", async () => {
    const at = (second: number) => ({
      ...fixture(),
      startedAt: `2026-01-02T03:04:0${second}.000Z`,
      id: `run-${second}`,
    });
    const page = await renderReport([at(1), at(2)]);
    expect(page).toContain("2026-01-02 03:04:02 UTC (run-2). Old: that of 2026-01-02 03:04:01 UTC (run-1)");
  });

  test("gives every plot a name, a sentence and its data as a table", async () => {
    const { document } = parseHTML(await renderReport([fixture({ servers: ["bun", "go"] })]));
    const plots = [...document.querySelectorAll("figure.plot")];
    expect(plots.length).toBeGreaterThan(10);
    for (const plot of plots) {
      expect(plot.querySelector("[role=img]")?.getAttribute("aria-label")?.length).toBeGreaterThan(20);
      expect(plot.querySelector("figcaption p")?.textContent?.length).toBeGreaterThan(10);
      expect(plot.querySelectorAll("details table tbody tr").length).toBeGreaterThan(0);
    }
  });
});

/** Rooms of servers that do nothing wrong, in twelve rounds. */
function rightOnly(servers: string[]) {
  const record = fixture({ servers, samples: 12 });
  return {
    ...record,
    samples: record.samples.filter(({ variant }) => variant.startsWith("chat/bracket 100")),
  };
}

/** Plots without marks, labels that touch or are cut off, and whether the page is wider than the screen. */
const lookForFaults = `(() => {
  const faults = [];
  for (const details of document.querySelectorAll("details:not(.data)")) details.open = true;
  for (const plot of document.querySelectorAll("figure.plot")) {
    const name = plot.querySelector("h3").textContent;
    const svg = [...plot.querySelectorAll("svg")].find((svg) => svg.getBoundingClientRect().width > 0);
    if (!svg) { faults.push(name + ": no drawing is shown"); continue; }
    const marks = "path, rect, circle, line";
    const drawn = [...svg.querySelectorAll("g")].filter((g) => !/axis|grid/.test(g.getAttribute("aria-label") ?? ""));
    if (drawn.flatMap((g) => [...g.querySelectorAll(marks)]).length === 0) faults.push(name + ": no marks");
    const frame = svg.getBoundingClientRect();
    const texts = [...svg.querySelectorAll("text")].filter((text) => text.textContent.trim());
    const boxes = texts.map((text) => [text.textContent, text.getBoundingClientRect()]);
    for (const [text, box] of boxes)
      if (box.left < frame.left - 1 || box.right > frame.right + 1 || box.top < frame.top - 1 || box.bottom > frame.bottom + 1)
        faults.push(name + ": cut off: " + text);
    boxes.forEach(([text, a], i) => {
      for (const [other, b] of boxes.slice(i + 1))
        if (Math.min(a.right, b.right) - Math.max(a.left, b.left) > 0.5 && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 2)
          faults.push(name + ": touch: " + text + " and " + other);
    });
  }
  const { scrollWidth, clientWidth } = document.documentElement;
  if (scrollWidth > clientWidth) faults.push("the page is " + scrollWidth + " px wide on a screen of " + clientWidth);
  return faults;
})()`;

// Without a browser nothing of this can be seen: the tests are skipped, and their name says why.
describe.skipIf(!browserPath)(
  `a report in Chromium${browserPath ? "" : " (skipped: none is installed)"}`,
  () => {
    const folder = mkdtempSync(join(tmpdir(), "sockbench-report-"));
    let browser: Browser;
    const paths = {
      one: join(folder, "one.html"),
      history: join(folder, "history.html"),
      three: join(folder, "three.html"),
    };

    beforeAll(async () => {
      await Bun.write(paths.one, await renderReport([fixture({ servers: ["bun", "go"] })]));
      await Bun.write(
        paths.history,
        await renderReport([1, 2, 3].map((hour) => fixture({ hour, slow: hour }))),
      );
      await Bun.write(paths.three, await renderReport([rightOnly(["bun", "go", "node"])]));
      browser = await launchBrowser();
    }, 60_000);
    afterAll(async () => {
      await browser?.close();
      rmSync(folder, { recursive: true, force: true });
    });

    type Opened = { page: Page; said: string[]; asked: string[] };

    async function open(path: string, width: number, colorScheme: "light" | "dark"): Promise<Opened> {
      const page = await browser.newPage({ viewport: { width, height: 800 }, colorScheme });
      const said: string[] = [];
      const asked: string[] = [];
      page.on("console", (message) => said.push(message.text()));
      page.on("pageerror", (error) => said.push(error.message));
      page.on("request", (request) => asked.push(request.url()));
      await page.goto(`file://${path}`);
      return { page, said, asked };
    }

    const screens = [
      ["a small phone", 360],
      ["a phone", 390],
      ["a tablet", 720],
      ["a desk", 1280],
    ] as const;

    test.each(screens)(
      "opens on %s without an error, a request, an empty plot or labels that touch",
      async (_, width) => {
        for (const path of Object.values(paths)) {
          const { page, said, asked } = await open(path, width, "light");
          expect(await page.evaluate(lookForFaults)).toEqual([]);
          expect(said).toEqual([]);
          expect(asked).toEqual([`file://${path}`]);
          expect(await page.title()).toStartWith("sockbench ");
          await page.close();
        }
      },
      60_000,
    );

    test("is dark where the reader wants it dark", async () => {
      const colors = await Promise.all(
        (["light", "dark"] as const).map(async (scheme) => {
          const { page } = await open(paths.one, 390, scheme);
          const color = await page.evaluate("getComputedStyle(document.body).backgroundColor");
          await page.close();
          return color;
        }),
      );
      expect(colors[0]).not.toBe(colors[1]);
    }, 60_000);
  },
);
