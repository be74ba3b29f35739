import { expect, test } from "bun:test";
import { readProc } from "./proc.ts";

const PROGRAM = `
  const { allowFiles } = await import("${import.meta.dir}/file-limit.ts");
  const { fileLimit } = await import("${import.meta.dir}/proc.ts");
  const wanted = Number(process.argv[1]);
  const got = allowFiles(wanted);
  const child = Bun.spawnSync(["sh", "-c", "ulimit -n"]).stdout.toString().trim();
  console.log(JSON.stringify({ got, soft: fileLimit().soft, child: Number(child) }));
`;

/** What a process that begins with `limit` files may have once it wants some. */
function allowed(limit: number, wanted: number) {
  const argv = ["sh", "-c", 'ulimit -n "$0" && exec "$@"', String(limit), process.execPath];
  const { stdout } = Bun.spawnSync([...argv, "-e", PROGRAM, String(wanted)]);
  return JSON.parse(stdout.toString());
}

/** CAP_SYS_RESOURCE, by its number in capabilities(7): root in a container often lacks it. */
const privileged = ((effectiveCapabilities() >> 24n) & 1n) === 1n;

function effectiveCapabilities(): bigint {
  const mask = readProc("/proc/self/status")?.match(/^CapEff:\s+([0-9a-f]+)$/m)?.[1];
  return BigInt(`0x${mask ?? 0}`);
}

test.if(privileged)("a privileged process may have what it wants, and so may what it starts", () => {
  expect(allowed(300, 450)).toEqual({ got: 450, soft: 450, child: 450 });
});

test.if(process.platform === "linux" && !privileged)("any other keeps its limit, and is told it", () => {
  expect(allowed(300, 450)).toEqual({ got: 300, soft: 300, child: 300 });
});

test.if(process.platform === "linux")("a limit that is high enough stays", () => {
  expect(allowed(300, 200)).toEqual({ got: 300, soft: 300, child: 300 });
});
