/** The chat page in a real browser: Debian's Chromium. Where there is none, the tests say so and are skipped. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BrowserContext, chromium, type Page } from "playwright-core";
import { browserArgs, browserPath } from "../../testing/browser.ts";
import type { Running } from "../standalone.ts";
import { connectWebSocket, WAIT_MS } from "../testing.ts";
import { startChatWs } from "../ws-chat.ts";

const START_MS = 60_000;
const missing = browserPath === undefined;
if (missing) console.warn("the chat page is not tested: no Chromium is installed");

describe.skipIf(missing)("the chat page", () => {
  let browser: BrowserContext;
  let profile: string;
  let room: Running;
  let pages: Page[] = [];

  beforeAll(async () => {
    profile = mkdtempSync(join(tmpdir(), "chat-page-"));
    browser = await chromium.launchPersistentContext(profile, {
      executablePath: browserPath ?? "",
      args: browserArgs,
      timeout: START_MS,
    });
    browser.setDefaultTimeout(WAIT_MS);
  }, START_MS);
  afterAll(async () => {
    await browser?.close();
    rmSync(profile, { recursive: true, force: true });
  }, START_MS);

  const start = (port = 0) => {
    room = startChatWs({ host: "127.0.0.1", port, pingSeconds: 54, silenceSeconds: 60, allowOrigins: [] });
  };
  beforeEach(() => start());
  afterEach(async () => {
    await Promise.all(pages.map((page) => page.close()));
    pages = [];
    await room.stop();
  });

  const base = () => room.url.replace("ws:", "http:").replace(/\/ws$/, "");

  async function open(): Promise<Page> {
    const page = await browser.newPage();
    pages.push(page);
    await page.goto(`${base()}/`);
    await page.getByText("Connected", { exact: true }).waitFor();
    return page;
  }

  const said = (page: Page, text: string) => page.getByRole("log").getByText(text, { exact: true }).waitFor();
  const box = (page: Page) => page.getByLabel("Message", { exact: true });

  test(
    "two tabs and a client by program talk to each other; Enter and the button send",
    async () => {
      const [a, b] = [await open(), await open()];
      const program = await connectWebSocket(room.url);
      await box(a).fill("from a");
      await box(a).press("Enter");
      await said(b, "from a");
      await program.untilReceived(1);
      expect(String(program.received[0])).toMatch(/^\[127\.0\.0\.1:\d+\]: from a\n$/);
      expect(await box(a).inputValue()).toBe("");
      await box(b).fill("from b");
      await b.getByRole("button", { name: "Send" }).click();
      await said(a, "from b");
      program.send("from a program");
      await Promise.all([said(a, "from a program"), said(b, "from a program")]);
      program.close();
    },
    START_MS,
  );

  test(
    "markup in a message is shown as text and never run",
    async () => {
      const page = await open();
      const program = await connectWebSocket(room.url);
      const markup =
        '<img src=x onerror="document.title=\'run\'"><script>document.title="run"</script><b>bold</b>';
      program.send(markup);
      await said(page, markup);
      program.send("after");
      await said(page, "after");
      expect(await page.title()).toBe("Chat");
      expect(await page.locator("#messages :is(img, script, b)").count()).toBe(0);
      program.close();
    },
    START_MS,
  );

  test(
    "a restart of the server is survived by itself, and the draft is kept",
    async () => {
      const page = await open();
      await box(page).fill("half a thou");
      const port = Number(new URL(room.url).port);
      await room.stop();
      await page.getByText("Disconnected").waitFor();
      expect(await page.getByRole("button", { name: "Send" }).isDisabled()).toBe(true);
      // Enter while there is no connection sends nothing and loses nothing.
      await box(page).press("Enter");
      expect(await box(page).inputValue()).toBe("half a thou");
      start(port);
      await page.getByText("Connected", { exact: true }).waitFor();
      const program = await connectWebSocket(room.url);
      await box(page).press("End");
      await box(page).pressSequentially("ght");
      await box(page).press("Enter");
      await program.untilReceived(1);
      expect(String(program.received[0])).toEndWith("]: half a thought\n");
      program.close();
    },
    START_MS,
  );

  test(
    "all of it can be reached by the keyboard, and the state is announced",
    async () => {
      const page = await open();
      expect(await page.getByRole("status").textContent()).toBe("Connected");
      const reached: string[] = [];
      for (let i = 0; i < 3; i++) {
        await page.keyboard.press("Tab");
        reached.push(await page.evaluate("document.activeElement.id"));
      }
      expect(reached).toEqual(["messages", "message", "send"]);
    },
    START_MS,
  );
});
