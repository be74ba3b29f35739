/** What a case's peers take for the server's words. */
import { expect, test } from "bun:test";
import { parseEndpoint } from "../clients/endpoint.ts";
import { openUdp, until } from "./peer.ts";
import { createWireLog } from "./wire-log.ts";

const listening = () => Bun.udpSocket({ hostname: "127.0.0.1", socket: { data() {} } });

test("datagrams of another server are not those of the server under test", async () => {
  const [server, stranger] = await Promise.all([listening(), listening()]);
  const at = parseEndpoint(`udp://127.0.0.1:${server.port}`)!;
  const peer = await openUdp({ name: "alice", at, log: createWireLog(), timeout: 1000 });
  const port = Number(peer.address.split(":").at(-1));
  stranger.send("astray", port, "127.0.0.1");
  server.send("mine", port, "127.0.0.1");
  await until(peer, 1000, () => peer.datagrams.length > 0);
  expect(peer.datagrams.map(String)).toEqual(["mine"]);
  for (const socket of [peer, server, stranger]) socket.close();
});
