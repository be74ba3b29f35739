/** The matrix: every target of a targets file, judged by the cases of the protocols that it speaks. */
import { join } from "node:path";
import { z } from "zod";
import { parseEndpoint, readTrust, type TlsTrust } from "../clients/endpoint.ts";
import { exitCodes, Failure } from "../platform/failure.ts";
import { type ConformReport, choose, conform, languages } from "./index.ts";
import { protocols } from "./protocols.ts";
import { type TimeName, timeNames } from "./times.ts";

const slugs = protocols.map(({ slug }) => slug);

const entry = z
  .strictObject({
    name: z.string().min(1),
    /** One of the implementations here. */
    server: z.enum(languages).optional(),
    /** Any other: where it answers, and the command that starts it unless it runs already. */
    url: z.string().optional(),
    command: z.string().optional(),
    /** Which certificates a `tls://` or `wss://` url may have: any, or those that this PEM file vouches for. */
    insecure: z.literal(true).optional(),
    ca: z.string().optional(),
    protocols: z.array(z.enum(slugs)).optional(),
    unsupported: z.record(z.string(), z.string()).optional(),
    known: z.record(z.string(), z.string()).optional(),
    times: z.partialRecord(z.enum(timeNames), z.number().positive()).optional(),
  })
  .refine(
    ({ server, url }) => (server === undefined) !== (url === undefined),
    "it needs either server or url",
  )
  .refine(
    ({ url, protocols }) => !url || protocols?.length === 1,
    "a url needs protocols with one protocol in it",
  );

export type TargetEntry = z.infer<typeof entry>;

export const TARGETS_FILE = join(import.meta.dir, "../targets.json");

export async function readTargets(file = TARGETS_FILE): Promise<TargetEntry[]> {
  let json: unknown;
  try {
    json = await Bun.file(file).json();
  } catch (error) {
    throw new Failure(
      exitCodes.usage,
      `${file} cannot be read: ${error instanceof Error ? error.message : error}`,
    );
  }
  const parsed = z.array(entry).safeParse(json);
  if (!parsed.success) throw new Failure(exitCodes.usage, `${file}: ${z.prettifyError(parsed.error)}`);
  return parsed.data;
}

export type Matrix = { name: string; report: ConformReport }[];

/** Judges every target by the chosen cases of the protocols that it speaks. */
export async function runMatrix(
  targets: readonly TargetEntry[],
  choice: readonly string[],
  options: { strict: boolean; onTarget?: (name: string) => void },
): Promise<Matrix> {
  const matrix: Matrix = [];
  for (const target of targets) {
    const { name, protocols, server, url, command, unsupported, known, times } = target;
    const trust = trustOf(target);
    const ids = choose(choice)
      .filter(({ protocol }) => protocols?.includes(protocol.slug) ?? true)
      .flatMap(({ cases }) => cases.map(({ id }) => id));
    if (ids.length === 0) continue;
    options.onTarget?.(name);
    const report = await conform({
      choice: ids,
      strict: options.strict,
      ...(server ? { server } : {}),
      ...(url ? { target: url } : {}),
      ...(trust ? { trust } : {}),
      ...(command ? { exec: command } : {}),
      ...(unsupported ? { unsupported } : {}),
      ...(known ? { known } : {}),
      ...(times ? { times: definedTimes(times) } : {}),
    });
    matrix.push({ name, report: { ...report, target: name } });
  }
  if (matrix.length === 0) throw new Failure(exitCodes.unreachable, "no target speaks what was chosen");
  return matrix;
}

const trustOf = ({ url, insecure, ca }: TargetEntry): TlsTrust | undefined =>
  readTrust(
    { ...(insecure ? { insecure } : {}), ...(ca === undefined ? {} : { ca }) },
    url === undefined ? undefined : parseEndpoint(url),
  );

function definedTimes(
  times: Partial<Record<TimeName, number | undefined>>,
): Partial<Record<TimeName, number>> {
  return Object.fromEntries(Object.entries(times).filter(([, seconds]) => seconds !== undefined));
}
