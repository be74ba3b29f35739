/** Transfers one after another, and one that lasts from beginning to end; each receipt is compared. */
import { createHash, type Hash } from "node:crypto";
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { ACCEPTED, receipt, writeName } from "../../protocols/file.ts";
import { connectRaw } from "../../servers/testing.ts";
import { fault, type Going, miss, type Tally } from "./tally.ts";

const TRANSFER_MS = 200;
const MAX_BYTES = 2_000_000;
const DRIP_MS = 500;
const DRIP_BYTES = 1000;

/** A transfer that has been accepted: what it is given is sent and counted. */
async function begin(url: string, name: string) {
  const client = await connectRaw(url);
  client.write(writeName(name));
  await client.untilEnd(ACCEPTED);
  let bytes = 0;
  const hash: Hash = createHash("sha256");
  return {
    give(body: Uint8Array): Promise<void> {
      bytes += body.length;
      hash.update(body);
      client.write(body);
      return client.written();
    },
    /** Whether the receipt is the right one. */
    async finish(): Promise<boolean> {
      client.finish();
      await client.untilClosed();
      return client.text() === `${ACCEPTED}${receipt(bytes, hash.digest("hex"))}`;
    },
  };
}

export async function soakFiles(url: string, dir: string, tally: Tally): Promise<Going> {
  let count = 0;
  let going = true;
  const failed = (name: string) => (error: unknown) =>
    fault(tally, `transfer ${name}: ${error instanceof Error ? error.message : error}`);

  async function transfer(name: string): Promise<void> {
    const one = await begin(url, name);
    await one.give(Buffer.alloc(Math.floor(Math.random() * MAX_BYTES), name));
    if (await one.finish()) tally.verified++;
    else fault(tally, `transfer ${name} was not confirmed`);
    if (!readdirSync(dir).includes(name)) miss(tally, 1, `the file ${name}`);
    rmSync(join(dir, name), { force: true });
  }

  const slow = await begin(url, "slow");
  const drip = setInterval(() => slow.give(Buffer.alloc(DRIP_BYTES, "s")).catch(failed("slow")), DRIP_MS);
  const transfers = (async () => {
    for (; going; await Bun.sleep(TRANSFER_MS))
      await transfer(`file-${++count}`).catch(failed(String(count)));
  })();
  return {
    async stop() {
      going = false;
      clearInterval(drip);
      await transfers;
      if (await slow.finish().catch(() => false)) tally.verified++;
      else fault(tally, "the transfer that lasted all the time was not confirmed");
    },
  };
}
