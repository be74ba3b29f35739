/** From a request, as the command line or a program makes it, to servers and cells; what does not fit is told. */
import {
  type Endpoint,
  endpointForms,
  parseEndpoint,
  readTrust,
  type TlsTrust,
} from "../../clients/endpoint.ts";
import { exitCodes, Failure } from "../../platform/failure.ts";
import { allProtocols, findProtocol, primaryOf, protocolOf } from "../../protocols/index.ts";
import { scenarios } from "../scenarios/index.ts";
import type { BenchOptions, Cell } from "../scenarios/scenario.ts";
import {
  commandSource,
  implementation,
  implementationNames,
  runningTarget,
  type ServerSource,
} from "./servers.ts";

export type Request = BenchOptions &
  TlsTrust & {
    /** A server that runs already, as a URL. */
    target?: string;
    /** Whether it is to be pinned for the time of each sample. */
    pinTarget?: boolean;
    /** A command that starts one. */
    exec?: string;
    /** Implementations of this project to compare, by name. */
    servers: string[];
  };

/** Named like a scenario, but it chooses its samples as it goes. */
export const CAPACITY = "capacity";

const usage = (message: string) => new Failure(exitCodes.usage, message);

export function readTarget(request: Pick<Request, "target" | "insecure" | "ca">): Endpoint | undefined {
  const { target: url } = request;
  const target = url === undefined ? undefined : parseEndpoint(url);
  if (url !== undefined && !target) throw usage(`--target ${url}: it takes ${endpointForms}`);
  const trust = readTrust(request, target);
  return target && trust ? { ...target, trust } : target;
}

export function chooseSources(request: Request): ServerSource[] {
  const { exec, servers, pinTarget = false } = request;
  const target = readTarget(request);
  if (exec !== undefined) return [commandSource(exec, target)];
  if (target) return [runningTarget(target, { pin: pinTarget })];
  return servers.map((name) => {
    if (!implementationNames.includes(name))
      throw usage(`--server ${name}: there is ${implementationNames.join(", ")}`);
    return implementation(name);
  });
}

/** The cells of the named scenarios, of all without a name, that fit the request. */
export function chooseCells(names: readonly string[], request: Request): Cell[] {
  const target = readTarget(request);
  const unknown = names.find((name) => !scenarios.some((scenario) => scenario.name === name));
  if (unknown !== undefined)
    throw usage(
      `unknown scenario "${unknown}": there is ${scenarios.map(({ name }) => name).join(", ")}, and ${CAPACITY}`,
    );
  checkProtocol(request);
  if (target && request.transport && request.transport !== target.transport)
    throw usage(`--transport ${request.transport} does not fit --target ${target.url}`);
  const options: BenchOptions = {
    ...request,
    named: names.length > 0,
    ...(target ? { transport: target.transport } : {}),
  };
  const cells = scenarios
    .filter(({ name }) => names.length === 0 || names.includes(name))
    .flatMap((scenario) => scenario.cells(options))
    .filter(({ protocol, scenario }) =>
      target
        ? protocol === taken(names, target, request) && fitsUnix(scenario, target)
        : // A command's server speaks one protocol, and says which only once it runs.
          !request.exec || request.protocol || protocolOf(protocol).primary,
    );
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
      `--protocol ${protocol}: expected one of ${allProtocols()
        .map(({ name }) => name)
        .join(", ")}`,
    );
}

/** These look for the sender's address in what is relayed, and over a Unix socket a client has none. */
const fitsUnix = (scenario: string, { unix }: Endpoint): boolean =>
  unix === undefined || !["framing", "coalesce"].includes(scenario);

/** The protocol that a target is taken for: the named one, or the first that fits it and the named scenarios. */
export function taken(names: readonly string[], { transport }: Endpoint, { protocol }: BenchOptions): string {
  if (protocol !== undefined) return protocol;
  const chosen = scenarios.filter(({ name }) => names.length === 0 || names.includes(name));
  const fitting = allProtocols().filter(
    (one) => one.transport === transport && chosen.some(({ fits }) => fits(one)),
  );
  return [...fitting.filter(({ primary }) => primary), ...fitting, primaryOf(transport)][0]?.name ?? "";
}
