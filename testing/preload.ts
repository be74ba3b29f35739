/**
 * Loaded before the tests (bunfig.toml): no test may wait for ever, and 5 s, the default, are too few on a busy
 * machine. Bun 1.4.5 takes no bound from bunfig.toml, and one that is set here holds for the first file alone:
 * so each test file is given it on its first line, as if it stood there.
 */
import { plugin } from "bun";

const BOUND = `import { setDefaultTimeout as bound } from "bun:test"; bound(30_000); `;

plugin({
  name: "bound every test",
  setup: (build) =>
    void build.onLoad({ filter: /\.test\.ts$/ }, async ({ path }) => ({
      contents: BOUND + (await Bun.file(path).text()),
      loader: "ts",
    })),
});
