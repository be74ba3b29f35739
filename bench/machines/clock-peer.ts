/**
 * One end of a comparison of clocks, as a program of its own: for the test whose machines are namespaces.
 * `clock-peer <address>` answers until it is ended; `clock-peer <address> <peer> <port> <times>` asks so often.
 */
import { openClockPort } from "./clock-port.ts";

const [own, address, port, times] = Bun.argv.slice(2);
const clock = await openClockPort(own);
if (address === undefined) console.log(clock.port);
else {
  for (let i = 0; i < Number(times); i++)
    console.log(JSON.stringify(await clock.compare({ address, port: Number(port) })));
  clock.close();
}
