import { expect, test } from "bun:test";
import { addressOf, addressText } from "./address.ts";

test("an address is ip:port, IPv6 in brackets", () => {
  expect(addressText("127.0.0.1", 80)).toBe("127.0.0.1:80");
  expect(addressText("::1", 80)).toBe("[::1]:80");
});

test("socket addresses of both families are read in network byte order", () => {
  const v4 = new Uint8Array(28);
  v4.set([2, 0, 0x1f, 0x90, 10, 0, 0, 7]);
  expect(addressOf(v4)).toEqual({ ip: "10.0.0.7", text: "10.0.0.7:8080", port: 8080 });
  const v6 = new Uint8Array(28);
  v6.set([10, 0, 0x1f, 0x90]);
  v6[23] = 1;
  expect(addressOf(v6)).toEqual({ ip: "::1", text: "[::1]:8080", port: 8080 });
  v6.set([0xff, 0xff, 127, 0, 0, 1], 18);
  expect(addressOf(v6)).toEqual({ ip: "::ffff:127.0.0.1", text: "[::ffff:127.0.0.1]:8080", port: 8080 });
  expect(addressOf(new Uint8Array(28))).toBeUndefined();
});
