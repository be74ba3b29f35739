/**
 * Pictures of a report: `bun bench/report/screenshots.ts <record>` writes the plots by room size on a desk, and latency
 * on a phone, into docs/; only of records of real runs. With a folder and a selector, `… <record> <folder> "#comparison"`,
 * that part of the page on either screen, light and dark, to be looked at.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { launchBrowser } from "../../testing/browser.ts";
import { readRecord } from "../record/record.ts";
import { renderReport } from "./page.ts";

const desk = { width: 1080, height: 1500, scale: 1 };
const phone = { width: 390, height: 844, scale: 2 };

/** What a picture shows: the screen, and the section at its top; `whole` of a part that may be longer than a screen. */
type Shot = typeof desk & { name: string; top: string; scheme: "light" | "dark"; whole?: boolean };

const forDocs: Shot[] = [
  { name: "report-desktop", ...desk, top: "#room", scheme: "light" },
  { name: "report-phone", ...phone, top: "#latency .plot", scheme: "light" },
];

const ofPart = (top: string): Shot[] =>
  (["light", "dark"] as const).flatMap((scheme) => [
    { name: `desktop-${scheme}`, ...desk, top, scheme, whole: true },
    { name: `phone-${scheme}`, ...phone, top, scheme, whole: true },
  ]);

async function take(browser: Browser, page: string, folder: string, shots: readonly Shot[]): Promise<void> {
  for (const { name, width, height, scale, top, scheme, whole = false } of shots) {
    const viewport = { width, height };
    const tab = await browser.newPage({ viewport, deviceScaleFactor: scale, colorScheme: scheme });
    await tab.goto(`file://${page}`);
    if (whole)
      await tab.evaluate("for (const one of document.querySelectorAll('details.must')) one.open = true");
    const found = tab.locator(top);
    const box = (await found.count()) > 0 ? await found.first().boundingBox() : null;
    const shown = whole ? Math.ceil(box?.height ?? height) : height;
    const clip = { x: 0, y: Math.max(0, (box?.y ?? 0) - 32), width, height: shown };
    const path = join(folder, `${name}.png`);
    await tab.screenshot({ path, clip, fullPage: true });
    console.log(path);
    await tab.close();
  }
}

const [record, folder = "docs", part] = Bun.argv.slice(2);
if (!record) {
  console.error("error: which record? bun bench/report/screenshots.ts <record> [folder] [part]");
  process.exit(2);
}
const scratch = mkdtempSync(join(tmpdir(), "sockbench-shots-"));
const browser = await launchBrowser();
try {
  const page = join(scratch, "report.html");
  await Bun.write(page, await renderReport([await readRecord(record)]));
  await take(browser, page, folder, part ? ofPart(part) : forDocs);
} finally {
  await browser.close();
  rmSync(scratch, { recursive: true });
}
