/** targets.json: servers by name, of the folder where the program is run, or else those of this project. */
import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { z } from "zod";
import { type Endpoint, readTrust } from "../clients/endpoint.ts";
import { exitCodes, Failure } from "../platform/failure.ts";
import { ownFile } from "../platform/own.ts";
import { command } from "./commands.ts";
import { implementation, implementationNames } from "./programs.ts";
import { readEndpoint, running } from "./running.ts";
import type { ServerSource } from "./server.ts";

const entry = z
  .strictObject({
    name: z.string().min(1),
    /** One of the implementations here. */
    server: z.enum(implementationNames).optional(),
    /** Any other: where it answers, and the command that starts it; without a url one as of `--server name=command`. */
    url: z.string().optional(),
    command: z.string().min(1).optional(),
    /** The program that it starts, as `{program}`: without it there is no such server here, which is told and no failure. */
    needs: z.string().min(1).optional(),
    /** Which certificates a `tls://` or `wss://` url may have: any, or those that this PEM file vouches for. */
    insecure: z.literal(true).optional(),
    ca: z.string().optional(),
    /** The first parts of the ids of its cases. */
    protocols: z.array(z.string()).optional(),
    unsupported: z.record(z.string(), z.string()).optional(),
    known: z.record(z.string(), z.string()).optional(),
    /** Seconds of its own times. */
    times: z.record(z.string(), z.number().positive()).optional(),
  })
  .refine(
    ({ server, url, command }) => (server === undefined) !== (url === undefined && command === undefined),
    "it needs either server, or url or command",
  )
  .refine(
    ({ server, protocols }) => server !== undefined || protocols?.length === 1,
    "a url or command needs protocols with one protocol in it",
  );

export type TargetEntry = z.infer<typeof entry>;

/** The servers of this project, and what is known of them. */
export const OUR_TARGETS = ownFile("targets.json");

/** The file that is meant where none is named. */
export function targetsFile(): string {
  const here = resolve("targets.json");
  return existsSync(here) ? here : OUR_TARGETS;
}

export function readTargets(file = targetsFile()): TargetEntry[] {
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(file, "utf8"));
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

/** The server of an entry; nothing is started yet. */
export function sourceOf(entry: TargetEntry): ServerSource {
  const source = givenBy(entry);
  return entry.protocols ? { ...source, speaks: entry.protocols } : source;
}

function givenBy({ name, server, url, command: text, needs, insecure, ca }: TargetEntry): ServerSource {
  if (server !== undefined) return { ...implementation(server), name };
  const endpoint = url === undefined ? undefined : readEndpoint(`targets.json, ${name}:`, url);
  const trust = readTrust(
    { ...(insecure ? { insecure } : {}), ...(ca === undefined ? {} : { ca }) },
    endpoint,
  );
  const at = endpoint && trust ? { ...endpoint, trust } : endpoint;
  if (text !== undefined)
    return needs === undefined ? command(name, text, at) : installed(name, text, needs, at);
  return running(name, at!);
}

/** Servers stand where a user's shell may not look. */
const PROGRAM_FOLDERS = "/usr/local/sbin:/usr/sbin:/sbin";

/** A command of a program that may not be there. */
function installed(name: string, text: string, needs: string, at?: Endpoint): ServerSource {
  const program = Bun.which(needs, { PATH: `${process.env.PATH ?? ""}:${PROGRAM_FOLDERS}` });
  return {
    ...command(name, text.replaceAll("{program}", program ?? needs), at),
    missing: async () => (program ? undefined : `${needs} is not installed`),
  };
}
