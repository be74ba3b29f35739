import { expect, test } from "bun:test";
import { Command } from "commander";
import { exitCodes, Failure } from "./failure.ts";
import { checkFlags, type FlagRule, givenIn, once, onceEach } from "./flags.ts";

const rules: FlagRule[] = [
  { flag: "exec", needs: "target", because: "it answers there" },
  { flag: "server", not: ["exec", "maxSamples"], because: "one of them starts it" },
];

function told(given: object): string | undefined {
  try {
    checkFlags(given, rules);
  } catch (error) {
    expect(error).toBeInstanceOf(Failure);
    expect((error as Failure).exitCode).toBe(exitCodes.usage);
    return (error as Failure).message;
  }
  return undefined;
}

test.each<[object, string | undefined]>([
  [{}, undefined],
  [{ exec: "a", target: "b" }, undefined],
  [{ exec: "a" }, "--exec needs --target: it answers there"],
  [{ server: "a", exec: false }, undefined],
  [{ server: "a", maxSamples: 0 }, "--server and --max-samples do not go together: one of them starts it"],
])("%j is told %p", (given, message) => expect(told(given)).toBe(message as string));

test("a flag is given once", () => {
  expect(once("a", undefined)).toBe("a");
  expect(() => once("b", "a")).toThrow('It is given already, as "a".');
});

const command = () => {
  const made = new Command().option("--file-size <n>").option("--grow <what>", "", "rate").option("--quick");
  onceEach(made);
  return made;
};

test("only flags that were written are given ones", () => {
  expect(givenIn(command().parse(["--file-size", "3"], { from: "user" }))).toEqual({ fileSize: "3" });
});

test.each([[["--quick"]], [["--grow", "x"]]])("%p twice is told, of a command that repeats none", (flag) => {
  expect(() => command().parse([...flag, ...flag], { from: "user" })).toThrow(`${flag[0]} is given twice`);
});
