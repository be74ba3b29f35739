/** From a request, as the command line or a program makes it, to servers and cells; what does not fit is told. */
import { type Endpoint, readTrust, type TlsTrust } from "../../clients/endpoint.ts";
import { suites } from "../../conformance/suites.ts";
import { exitCodes, Failure } from "../../platform/failure.ts";
import { allProtocols, findProtocol, primaryOf, protocolOf, type Transport } from "../../protocols/index.ts";
import { command } from "../../targets/commands.ts";
import { namedServers, split } from "../../targets/named.ts";
import { readEndpoint, running } from "../../targets/running.ts";
import { isThirdParty, type ServerSource } from "../../targets/server.ts";
import { served } from "../machines/served.ts";
import { REFERENCE } from "../record/record.ts";
import { scenarios } from "../scenarios/index.ts";
import { type BenchOptions, type Cell, protocolsFor } from "../scenarios/scenario.ts";

export type Request = BenchOptions &
  TlsTrust & {
    /** A server that runs already, as a URL. */
    target?: string;
    /** Whether it is to be pinned for the time of each sample. */
    pinTarget?: boolean;
    /** A command that starts one. */
    exec?: string;
    /** Servers to compare, as `--server` has them: names, `name=command`, `name=url`. */
    servers: string[];
    /** Fleets are those of agents found here; a server without address is then one that an agent starts. */
    nats?: string;
    /** A server that fails to start is skipped, and the run goes on with the others. */
    skipMissing?: boolean;
  };

/** Named like a scenario, but it chooses its samples as it goes. */
export const CAPACITY = "capacity";

const usage = (message: string) => new Failure(exitCodes.usage, message);

/** The name of a server that is given without one. */
const TARGET = "target";

function readTarget({ target: url, insecure, ca }: Request): Endpoint | undefined {
  const target = url === undefined ? undefined : readEndpoint("--target", url);
  const trust = readTrust({ ...(insecure ? { insecure } : {}), ...(ca === undefined ? {} : { ca }) }, target);
  return target && trust ? { ...target, trust } : target;
}

/** The servers that are asked for; nothing is started yet. */
export function chooseSources(request: Request): ServerSource[] {
  const { exec, target, servers, pinTarget = false } = request;
  if (exec !== undefined) return [command(TARGET, exec, readTarget(request), `--exec "${exec}"`)];
  if (target !== undefined) return [running(TARGET, readTarget(request)!, { pin: pinTarget })];
  if (request.nats !== undefined && !servers.some((one) => one.includes("=")))
    return servers.flatMap(split).map(served);
  const { insecure, ca } = request;
  return namedServers(servers, {
    ...(insecure ? { insecure } : {}),
    ...(ca === undefined ? {} : { ca }),
    pin: pinTarget,
    taken: [REFERENCE],
  });
}

/** What a run is bound to by servers that are not ours: they speak one protocol, over one transport. */
type Bound = { protocol: string; endpoint: Endpoint | undefined };

export function boundBy(names: readonly string[], request: Request): Bound | undefined {
  const others = chooseSources(request).filter(isThirdParty);
  if (others.length === 0) return undefined;
  const known = others.flatMap(({ name, endpoint }) => (endpoint ? [{ name, endpoint }] : []));
  const unlike = known.find(({ endpoint }) => endpoint.transport !== known[0].endpoint.transport);
  if (unlike)
    throw usage(
      `--server ${unlike.name} is at ${unlike.endpoint.url}, and ${known[0].name} at ${known[0].endpoint.url}: they cannot be compared`,
    );
  const endpoint = known[0]?.endpoint;
  if (endpoint && request.transport && request.transport !== endpoint.transport)
    throw usage(`--transport ${request.transport} does not fit ${given(request)} ${endpoint.url}`);
  const transport = endpoint?.transport ?? request.transport;
  return { protocol: request.protocol ?? declaredProtocol(others) ?? taken(names, transport), endpoint };
}

const given = ({ target }: Request) => (target === undefined ? "--server" : "--target");

/** The protocol that targets.json says they speak. */
function declaredProtocol(sources: readonly ServerSource[]): string | undefined {
  const said = sources.flatMap(({ name, speaks = [] }) => speaks.map((slug) => ({ name, slug })));
  const unlike = said.find(({ slug }) => slug !== said[0].slug);
  if (unlike)
    throw usage(
      `--server ${unlike.name} speaks ${unlike.slug}, and ${said[0].name} ${said[0].slug}: they cannot be compared`,
    );
  if (!said[0]) return undefined;
  const name = suites.find(({ slug }) => slug === said[0].slug)?.name;
  if (name !== undefined && findProtocol(name)) return name;
  throw usage(`--server ${said[0].name}: ${said[0].slug} is nothing that bench measures; see --protocol`);
}

/** The cells of the named scenarios, of all without a name, that fit the request. */
export function chooseCells(names: readonly string[], request: Request): Cell[] {
  const unknown = names.find((name) => !scenarios.some((scenario) => scenario.name === name));
  if (unknown !== undefined)
    throw usage(
      `unknown scenario "${unknown}": expected one of: ${scenarios.map(({ name }) => name).join(", ")}, ${CAPACITY}`,
    );
  checkProtocol(request);
  const bound = boundBy(names, request);
  const options: BenchOptions = {
    ...request,
    named: names.length > 0,
    ...(bound ? { transport: protocolOf(bound.protocol).transport } : {}),
  };
  const cells = scenarios
    .filter(({ name }) => names.length === 0 || names.includes(name))
    .flatMap((scenario) => scenario.cells(options))
    // A server of the bench's own is out of the agents' reach.
    .filter(({ reference }) => !reference || request.nats === undefined)
    .filter(({ protocol, scenario }) => !bound || (protocol === bound.protocol && fitsUnix(scenario, bound)));
  if (cells.length === 0) throw nothingToRun(names, request, options);
  return cells;
}

/** What does not fit, and what does. */
function nothingToRun(names: readonly string[], request: Request, options: BenchOptions): Failure {
  const flags = (["protocol", "transport", "loop", "target"] as const).flatMap((name) =>
    request[name] === undefined ? [] : [`--${name} ${request[name]}`],
  );
  const fitting = scenarios.filter((scenario) => scenario.cells(options).length > 0).map(({ name }) => name);
  const named = scenarios.filter(({ name }) => names.includes(name));
  const protocols = allProtocols().filter((protocol) => named.some(({ fits }) => fits(protocol)));
  const what = names.length > 0 ? `${names.join(", ")} does not fit` : "no scenario fits";
  return new Failure(
    exitCodes.unreachable,
    `nothing to run: ${what} ${flags.join(" ") || "these flags"}` +
      (protocols.length > 0 ? `; its protocols are ${protocols.map(({ name }) => name).join(", ")}` : "") +
      (fitting.length > 0 ? `; scenarios that fit: ${fitting.join(", ")}` : ""),
  );
}

export function checkProtocol({ protocol }: BenchOptions): void {
  if (protocol !== undefined && !findProtocol(protocol))
    throw usage(
      `--protocol ${protocol}: expected one of: ${allProtocols()
        .map(({ name }) => name)
        .join(", ")}, or a file, such as ./mine.ts`,
    );
}

/** These look for the sender's address in what is relayed, and over a Unix socket a client has none. */
const fitsUnix = (scenario: string, { endpoint }: Bound): boolean =>
  endpoint?.unix === undefined || !["framing", "coalesce"].includes(scenario);

/** The protocol that a server is taken for when none is named: the first that fits it and the named scenarios. */
function taken(names: readonly string[], transport: Transport | undefined): string {
  const fitting = scenarios
    .filter(({ name }) => names.length === 0 || names.includes(name))
    .flatMap((scenario) => protocolsFor(scenario, transport ? { transport } : {}));
  const first = primaryOf(transport ?? "tcp");
  return [...fitting.filter(({ primary }) => primary), ...fitting, first][0]?.name ?? "";
}
