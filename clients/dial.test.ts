/** Certificates of targets are verified, and what is wrong with one is told. */
import { afterAll, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Failure } from "../platform/failure.ts";
import { dial } from "./dial.ts";
import { parseEndpoint, readTrust, type TlsTrust } from "./endpoint.ts";

const CERT = join(import.meta.dir, "../servers/testing-tls/cert.pem");
const KEY = CERT.replace("cert.pem", "key.pem");

const heard: string[] = [];
const tlsServer = Bun.listen({
  hostname: "0.0.0.0",
  port: 0,
  tls: { cert: readFileSync(CERT, "utf8"), key: readFileSync(KEY, "utf8") },
  socket: {
    data(socket, chunk) {
      heard.push(String(chunk));
      socket.write(chunk);
    },
  },
});
const plainServer = Bun.listen({
  hostname: "127.0.0.1",
  port: 0,
  socket: { data: (socket) => void socket.write("hello\n") },
});
afterAll(() => {
  tlsServer.stop(true);
  plainServer.stop(true);
});

/** What a word sent as soon as the connection can be used comes back as. */
async function echoOf(url: string, word: string, trust?: TlsTrust): Promise<string> {
  const target = parseEndpoint(url)!;
  const answer = Promise.withResolvers<string>();
  const socket = await dial(trust ? { ...target, trust } : target, {
    open: (socket) => void socket.write(word),
    data: (_socket, chunk) => answer.resolve(String(chunk)),
    close: () => answer.reject(new Error("closed")),
  });
  const text = await answer.promise;
  socket.terminate();
  return text;
}

const at = (host: string) => `tls://${host}:${tlsServer.port}`;

test("a certificate that nobody vouches for is refused, and not a byte is sent", async () => {
  await expect(echoOf(at("127.0.0.1"), "a secret")).rejects.toThrow(
    "its certificate is not trusted: self signed certificate; --ca <file> names who signed it, --insecure takes any",
  );
  expect(heard).not.toContain("a secret");
});

test("--ca vouches for it, at the names that stand in it", async () => {
  expect(await echoOf(at("127.0.0.1"), "an address", { ca: CERT })).toBe("an address");
  expect(await echoOf(at("localhost"), "a name", { ca: CERT })).toBe("a name");
  await expect(echoOf(at("127.0.0.2"), "another", { ca: CERT })).rejects.toThrow(
    /not trusted: .*127\.0\.0\.2/,
  );
});

test("--insecure takes any", async () => {
  expect(await echoOf(at("127.0.0.2"), "whoever you are", { insecure: true })).toBe("whoever you are");
});

test.each([{}, { insecure: true }])("a server that speaks no TLS is told as one, with %j", async (trust) => {
  const url = `tls://127.0.0.1:${plainServer.port}`;
  await expect(echoOf(url, "x", trust)).rejects.toThrow("it does not speak TLS");
});

test("nobody there is told as over TCP", async () => {
  await expect(echoOf("tls://127.0.0.1:1", "x")).rejects.toMatchObject({ code: "ECONNREFUSED" });
});

test.each<[TlsTrust, string, string]>([
  [{ insecure: true, ca: CERT }, "tls://a:1", "give one of them"],
  [{ insecure: true }, "tcp://a:1", "--insecure is for a target with tls:// or wss://"],
  [{ ca: "none.pem" }, "wss://a:1", "--ca none.pem: there is no such file"],
  [{ ca: KEY }, "wss://a:1", "it holds no certificate (PEM)"],
])("%j for %s is no choice", (flags, url, words) => {
  try {
    readTrust(flags, parseEndpoint(url));
    throw new Error("it was taken");
  } catch (error) {
    expect(error).toBeInstanceOf(Failure);
    expect(String(error)).toContain(words);
  }
});

test("flags become a trust that a plan can carry", () => {
  const target = parseEndpoint("wss://a:1");
  expect(readTrust({}, target)).toBeUndefined();
  expect(readTrust({ insecure: true }, target)).toEqual({ insecure: true });
  expect(readTrust({ ca: CERT }, target)).toEqual({ ca: CERT });
});
