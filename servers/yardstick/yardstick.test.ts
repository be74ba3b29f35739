/** That the yardstick has not changed, and is right: each of its servers is held by the tests that drive it in rounds. */
import { expect, test } from "bun:test";
import { FROZEN, yardstickHash } from "./frozen.ts";

test("its files are those that were frozen: whoever changes one freezes them anew, and knows what that ends", () => {
  expect(yardstickHash()).toBe(FROZEN);
});

test("they import nothing of this project, which may change", async () => {
  for (const file of ["tcp.ts", "udp.ts", "ws.ts"]) {
    const { imports } = new Bun.Transpiler({ loader: "ts" }).scan(
      await Bun.file(`${import.meta.dir}/${file}`).text(),
    );
    expect(imports.map(({ path }) => path).filter((path) => !/^bun(:|$)/.test(path))).toEqual([]);
  }
});
