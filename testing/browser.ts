/** A browser for tests of pages: the installed Chromium, without network traffic of its own. */
import { existsSync } from "node:fs";
import { type Browser, chromium } from "playwright-core";

/** Undefined where none is installed: tests that need one are skipped, and their name says why. */
export const browserPath = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(
  (path) => existsSync(path),
);

/** Of every browser that a test starts. */
export const browserArgs = [
  "--no-sandbox",
  "--headless",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export const launchBrowser = (): Promise<Browser> =>
  chromium.launch({ executablePath: browserPath ?? "", args: browserArgs });
