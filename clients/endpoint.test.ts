import { expect, test } from "bun:test";
import { parseEndpoint } from "./endpoint.ts";

test.each([
  ["tcp://127.0.0.1:8080", { transport: "tcp", hostname: "127.0.0.1", port: 8080 }],
  ["udp://localhost:5656", { transport: "udp", hostname: "localhost", port: 5656 }],
  ["ws://127.0.0.1:80/add?x=1", { transport: "ws", port: 80, path: "/add?x=1" }],
  ["tls://localhost:9000", { transport: "tcp", tls: true, port: 9000 }],
  ["wss://localhost:443/ws", { transport: "ws", tls: true, port: 443, path: "/ws" }],
  ["unix:///tmp/chat.sock", { transport: "tcp", unix: "/tmp/chat.sock", tls: false }],
  ["tcp://[::1]:9000", { hostname: "::1", port: 9000 }],
] as const)("%s is a target", (url, parts) => {
  expect(parseEndpoint(url)).toMatchObject(parts);
});

test.each([
  "",
  "8080",
  "tcp://host",
  "tcp://host:0",
  "http://host:80",
  "tcp://:80",
  "tcp://host:99999",
  "unix://",
])("%p is none", (url) => expect(parseEndpoint(url)).toBeUndefined());
