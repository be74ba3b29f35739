/** What a run prints holds texts of servers: none of them acts on the terminal. */
import { expect, test } from "bun:test";
import { onTerminal } from "../commands/connect.ts";
import { fixture, hostile } from "../report/fixture.ts";
import { renderRun } from "./summary.ts";

const ACTS = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/;

test("a run's summary shows a hostile witness, and moves no cursor", () => {
  const record = fixture();
  const faulty = record.samples[0];
  faulty.wrong = [{ kind: "corrupt", count: 1, words: `came ${hostile}\u009b2J` }];
  faulty.witnesses = [{ kind: "corrupt", text: `${hostile}\u009b2J` }];
  const text = renderRun(record, "record.json");
  expect(text).toContain("document.title='owned'");
  expect(text).toContain("\\x9b2J");
  expect(text).not.toMatch(ACTS);
});

test.each([
  ["mine", ["bench", "--server", "bun,mine=./room {port}"], "--server 'mine=./room {port}'"],
  ["target", ["bench", "--exec", "./room"], "--target tcp://"],
])("a wrong server of the user's, %s, is told how the cases are asked of it", (server, command, flags) => {
  const record = { ...fixture({ servers: [server] }), command };
  record.samples[0].wrong = [{ kind: "lost", count: 1, words: "one" }];
  expect(renderRun(record, "record.json")).toContain(
    `${record.samples[0].protocol.replace("/", "-")} ${flags}`,
  );
});

test("the last line says which servers had CPUs of their own", () => {
  const record = fixture({ servers: ["mine", "bun"] });
  record.environment = { ...record.environment, pinned: { server: [0], fleets: [[1]] } };
  const lastOf = () => renderRun(record, "here").split("\n").slice(-2)[0];
  expect(lastOf()).toContain(", server and fleets pinned apart");
  for (const sample of record.samples) sample.pinned = sample.server === "bun";
  expect(lastOf()).toContain(", servers and fleets pinned apart, but mine left as it was");
  for (const sample of record.samples) sample.pinned = false;
  expect(lastOf()).toContain(", fleets pinned, the server left as it was");
});

test("connect shows a terminal what came, letters cut between reads too, and nothing that acts on it", () => {
  const decoder = new TextDecoder();
  const bytes = Buffer.from("größe\tok\n\x1b]0;owned\x07\u202e\u009b2J\n");
  const shown = [...bytes].map((byte) => onTerminal(Uint8Array.of(byte), decoder)).join("");
  expect(shown).toBe("größe\tok\n\\x1b]0;owned\\x07\\u{202e}\\x9b2J\n");
});
