/** The example as a newcomer uses it: its server is measured by its file, and what a wrong one does is found. */
import { afterAll, expect, test } from "bun:test";
import { bench } from "../index.ts";
import { removeProtocol } from "../protocols/index.ts";

const folder = import.meta.dir;
const request = {
  protocol: `${folder}/length-json.ts`,
  connections: 6,
  duration: 0.2,
  warmup: 0.1,
  loop: "closed",
  window: 4,
} as const;

afterAll(() => removeProtocol("length-json"));

test("its server is measured as a room and by requests, and nothing is wrong", async () => {
  const servers = [`mine=bun ${folder}/length-json-server.ts --port {port}`];
  const record = await bench(["fanout", "sum"], { ...request, servers });
  expect(record.samples.map(({ scenario }) => scenario)).toContain("sum");
  for (const { wrong, counts } of record.samples) {
    expect(wrong).toEqual([]);
    expect(counts.delivered ?? counts.replies).toBeGreaterThan(100);
  }
}, 60_000);

/** Passes all on both ways, and changes one character of what comes back, once `after` deliveries have passed. */
async function changing(port: number, after: number) {
  let deliveries = 0;
  const change = (chunk: Buffer) => {
    const at = chunk.indexOf('{"heard":"');
    // Well inside of the message: its header has 28 characters.
    if (at >= 0 && ++deliveries === after && at + 45 < chunk.length) chunk[at + 45] ^= 1;
    return chunk;
  };
  type Ends = { other?: Bun.Socket<Ends> };
  return Bun.listen<Ends>({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      open(client) {
        client.data = {};
        client.pause();
        void Bun.connect<Ends>({
          hostname: "127.0.0.1",
          port,
          data: { other: client },
          socket: {
            data: (_, chunk) => void client.write(change(chunk)),
            close: () => void client.end(),
          },
        }).then((server) => {
          client.data.other = server;
          client.resume();
        });
      },
      data: (client, chunk) => void client.data.other?.write(chunk),
      close: (client) => void client.data.other?.end(),
    },
  });
}

test("one changed character is found, and shown beside what should have come", async () => {
  const program = Bun.spawn([process.execPath, `${folder}/length-json-server.ts`, "--port", "0"], {
    stdout: "pipe",
  });
  const { value } = await program.stdout.getReader().read();
  const { listening } = JSON.parse(new TextDecoder().decode(value));
  const proxy = await changing(Number(new URL(listening).port), 200);
  try {
    const target = `tcp://127.0.0.1:${proxy.port}`;
    const { samples } = await bench("fanout", { ...request, target });
    const [first] = samples;
    expect(first.wrong).toMatchObject([{ kind: "corrupt", count: 1 }]);
    expect(first.witnesses[0]).toMatchObject({
      kind: "corrupt",
      expected: expect.stringContaining('{"heard":"'),
    });
  } finally {
    proxy.stop(true);
    program.kill();
    await program.exited;
  }
}, 60_000);

test("the file is short enough to be written in ten minutes", async () => {
  const lines = (await Bun.file(`${folder}/length-json.ts`).text()).trimEnd().split("\n");
  expect(lines.length).toBeLessThanOrEqual(40);
});
