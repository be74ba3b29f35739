/** Control units are answered whatever a case is doing, but never within a unit that it sends in parts. */
import { expect, test } from "bun:test";
import { parseEndpoint } from "../../clients/endpoint.ts";
import { eventually } from "../../servers/testing.ts";
import { unseen } from "../../targets/server.ts";
import { createContext } from "../context.ts";
import type { Target } from "../servers-of.ts";
import { openConnection } from "./connection.ts";
import { letters } from "./testing-letters.ts";

const unitOf = (payload: string) => `\0\0\0${String.fromCharCode(payload.length)}${payload}`;

/** Lets one in, and says what it is told to. */
async function server() {
  let heard = "";
  const arrived = Promise.withResolvers<Bun.Socket>();
  const listener = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      data(socket, chunk) {
        heard += chunk.toString("latin1");
        if (!heard.startsWith(unitOf("Jhere"))) return;
        if (heard === unitOf("Jhere")) socket.write(unitOf("K"));
        arrived.resolve(socket);
      },
    },
  });
  const endpoint = parseEndpoint(`tcp://127.0.0.1:${listener.port}`)!;
  const target = { ...endpoint, ...unseen(), times: {}, pause() {}, resume() {}, stop: async () => ({}) };
  const context = createContext(target as Target, 2000);
  const units: string[] = [];
  const connection = await openConnection(context, letters, {
    name: "alice",
    role: "member",
    topic: "here",
    index: 0,
    onUnit: (unit) => void units.push(unit.toString("latin1")),
  });
  const socket = await arrived.promise;
  return {
    connection,
    units,
    say: (payload: string) => void socket.write(unitOf(payload)),
    heard: () => heard.slice(unitOf("Jhere").length),
    end() {
      context.over = true;
      connection.peer.close();
      listener.stop(true);
    },
  };
}

test("a ping is answered while nobody reads, and what is no control unit is handed on", async () => {
  const { units, say, heard, end } = await server();
  say("P");
  say("Hhello");
  await eventually(() => heard() === unitOf("O") && units.length > 0, "the answer, and the message");
  expect(units).toEqual([unitOf("Hhello")]);
  end();
});

test("a ping in the middle of a unit that is sent in parts is answered behind it", async () => {
  const { connection, units, say, heard, end } = await server();
  const unit = Buffer.from(unitOf("Shello"));
  await connection.inParts(async (send) => {
    send(unit.subarray(0, 6));
    say("P");
    say("Hhello");
    await eventually(() => units.length > 0, "what follows the ping");
    send(unit.subarray(6));
  });
  await eventually(() => heard().length >= 15, "the unit and the answer");
  expect(heard()).toBe(unitOf("Shello") + unitOf("O"));
  end();
});
