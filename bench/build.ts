/**
 * `bun run build [file]`: the whole program as one executable, dist/sockbench by default, for machines that have neither
 * Bun nor Node. What the program reads at run time goes into it, too.
 */
import { mkdirSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

const HOME = join(import.meta.dir, "..");

/** Style sheets and pages, the targets, the stored rounds: read by `ownFile`. */
const DATA = ["{bench,conformance,pages,servers}/**/*.{css,html,js}", "targets.json", "results/baseline/*"];

const data = DATA.flatMap((pattern) => [...new Bun.Glob(pattern).scanSync(HOME)]);

const out = resolve(Bun.argv[2] ?? join(HOME, "dist/sockbench"));
mkdirSync(dirname(out), { recursive: true });
const { exitCode } = Bun.spawnSync(
  [
    ...[process.execPath, "build", "--compile"],
    // Settings of the folder where it runs are for other programs: a preloaded file would run in ours.
    ...["--no-compile-autoload-dotenv", "--no-compile-autoload-bunfig"],
    // The file of a protocol may import from the dependencies of the project that it is in.
    "--compile-autoload-package-json",
    // Each part of the program loads what it needs, and no more.
    "--splitting",
    ...data.flatMap((file) => ["--asset", file]),
    ...["--outfile", out, "bench/executable.ts"],
  ],
  { cwd: HOME, stdio: ["ignore", "inherit", "inherit"] },
);
process.exit(exitCode ?? 1);
