/**
 * Pictures of a report for the documentation: `bun bench/report/screenshots.ts <record>` writes the plots
 * by room size on a desk, and latency on a phone, into docs/. Only of records of real runs.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { launchBrowser } from "../../testing/browser.ts";
import { readRecord } from "../record/record.ts";
import { renderReport } from "./page.ts";

/** What a picture shows: the screen, and the section at its top. */
const shots = [
  { name: "report-desktop", width: 1080, height: 1500, scale: 1, top: "#room" },
  { name: "report-phone", width: 390, height: 844, scale: 2, top: "#latency .plot" },
];

async function take(browser: Browser, page: string, folder: string): Promise<void> {
  for (const { name, width, height, scale, top } of shots) {
    const tab = await browser.newPage({ viewport: { width, height }, deviceScaleFactor: scale });
    await tab.goto(`file://${page}`);
    const found = tab.locator(top);
    const y = (await found.count()) > 0 ? ((await found.first().boundingBox())?.y ?? 0) : 0;
    const clip = { x: 0, y: Math.max(0, y - 32), width, height };
    const path = join(folder, `${name}.png`);
    await tab.screenshot({ path, clip, fullPage: true });
    console.log(path);
    await tab.close();
  }
}

const [record, folder = "docs"] = Bun.argv.slice(2);
if (!record) {
  console.error("error: which record? bun bench/report/screenshots.ts <record> [folder]");
  process.exit(2);
}
const scratch = mkdtempSync(join(tmpdir(), "sockbench-shots-"));
const browser = await launchBrowser();
try {
  const page = join(scratch, "report.html");
  await Bun.write(page, await renderReport([await readRecord(record)]));
  await take(browser, page, folder);
} finally {
  await browser.close();
  rmSync(scratch, { recursive: true });
}
