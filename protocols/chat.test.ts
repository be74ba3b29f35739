import { expect, test } from "bun:test";
import { type DialectName, dialects } from "./chat.ts";

function heard(dialect: DialectName, text: string): string {
  const bytes = Buffer.from(`..${text}..`);
  const range = dialects[dialect].hear(bytes, 2, bytes.length - 2);
  return typeof range === "string" ? range : bytes.subarray(range.from, range.to).toString();
}

test.each<[DialectName, string, string]>([
  ["chat/bracket", "a\r", "a\r"],
  ["chat/welcome", "a\r", "a"],
  ["chat/welcome", "\r", ""],
  ["chat/welcome", "a\r\r", "a\r"],
  ["chat/stamped", "170:a\r", "170:a\r"],
  ["chat/stamped", "exit", "leave"],
  ["chat/stamped", "170:exit\r", "leave"],
  ["chat/stamped", "exit ", "exit "],
  ["chat/stamped", "170: exit", "170: exit"],
  ["chat/stamped", "x:exit", "x:exit"],
  ["chat/json", '{"data":"a","data":"b"}', '"b"'],
  ["chat/json", '{"data":"a","data":7}', "nothing"],
  ["chat/json", '{"data_source":"\t","data":"a"}', "nothing"],
  ["chat/json", '{"data_source":"","data":"a\t"}', "nothing"],
  ["chat/json", '{"data":"a",}', "nothing"],
])("%s hears %j as %j", (dialect, text, meaning) => {
  expect(heard(dialect, text)).toBe(meaning);
});

test("what a client of a dialect says is heard by it as the text", () => {
  for (const [name, { say }] of Object.entries(dialects)) {
    const unit = `${say.prefix(1_700_000_000)}text${say.suffix}`.replace(/\n$/, "");
    expect(heard(name as DialectName, unit)).toContain("text");
  }
});
