/** A server that the agent beside it starts: by its name there, fresh for each sample, and measured there. */
import { parseEndpoint } from "../../clients/endpoint.ts";
import { exitCodes, Failure } from "../../platform/failure.ts";
import { type ServerSource, type ServerUnderTest, unseen } from "../../targets/server.ts";

/** How the agent is asked, once there is one. */
export type ServerDesk = {
  start: (name: string, protocol: string) => Promise<{ url: string; broken: Promise<never> }>;
  stop: () => Promise<Record<string, number>>;
};

export type ServedSource = ServerSource & { kind: "by an agent"; use: (desk: ServerDesk) => void };

export const isServed = (source: ServerSource): source is ServedSource => source.kind === "by an agent";

export function served(name: string): ServedSource {
  let desk: ServerDesk | undefined;
  return {
    name,
    kind: "by an agent",
    use(one) {
      desk = one;
    },
    async start(protocol): Promise<ServerUnderTest> {
      if (!desk) throw new Failure(exitCodes.usage, `--server ${name} is an agent's: it needs --nats`);
      const { start, stop } = desk;
      const { url, broken } = await start(name, protocol);
      const endpoint = parseEndpoint(url);
      if (!endpoint) throw new Failure(exitCodes.unreachable, `${name}: ${url} is no target`);
      const elsewhere = () => {
        throw new Failure(exitCodes.usage, `${name} runs on another machine: it cannot be paused from here`);
      };
      return { ...endpoint, ...unseen(), broken, pause: elsewhere, resume: elsewhere, stop };
    },
  };
}
