/**
 * `sockbench init [folder]`: a protocol file to start from, with comments, a small server of it and a test of both. They
 * are the ones of examples/, and pass as they are.
 */
import { existsSync } from "node:fs";
import { join, relative } from "node:path";
import type { Command } from "commander";
import { exitCodes, Failure } from "../../platform/failure.ts";
import { checkFolder, writeWhole } from "../../platform/write-file.ts";

/** A file of examples/ as text, whatever it is as a module: by a literal path, so that a bundle holds it too. */
type Text = Promise<unknown>;

const files: readonly { name: string; load: () => Text; words: string }[] = [
  {
    name: "length-json.ts",
    load: () => import("../../examples/length-json.ts", { with: { type: "text" } }),
    words: "the protocol: JSON behind its length; make it yours",
  },
  {
    name: "length-json-server.ts",
    load: () => import("../../examples/length-json-server.ts", { with: { type: "text" } }),
    words: "a small server of it, to try it on",
  },
  {
    name: "length-json.test.ts",
    load: () => import("../../examples/length-json-conform.test.ts", { with: { type: "text" } }),
    words: "a test of a server, by cases and under load",
  },
];

function isInstalled(folder: string): boolean {
  try {
    Bun.resolveSync("sockbench", folder);
    return true;
  } catch {
    return false;
  }
}

async function init(folder: string): Promise<void> {
  const taken = files.find(({ name }) => existsSync(join(folder, name)));
  if (taken)
    throw new Failure(
      exitCodes.usage,
      `init ${folder}: there is a ${taken.name} already, and nothing is overwritten`,
    );
  checkFolder("init", folder);
  for (const { name, load } of files) {
    const { default: text } = (await load()) as { default: string };
    writeWhole(join(folder, name), text.replaceAll("examples/", ""));
  }
  const at = relative(".", folder);
  console.log(
    [
      ...files.map(({ name, words }) => `${join(at, name).padEnd(24)} ${words}`),
      "",
      ...(at === "" ? [] : [`cd ${at}`]),
      ...(isInstalled(join(process.cwd(), at)) ? [] : ["npm install --save-dev sockbench"]),
      "bun test length-json",
      'sockbench bench fanout --protocol ./length-json.ts --server "mine=bun length-json-server.ts --port {port}"',
    ].join("\n"),
  );
}

export function addInitCommand(program: Command): void {
  program
    .command("init [folder]")
    .description("write a protocol file to start from, with a server and a test of it")
    .action((folder = ".") => init(folder));
}
