/** Which server a case gets: one that it shares with others, one of its own, or the shared one started anew. */
import type { Case } from "./case.ts";
import type { Provider, Target } from "./target.ts";
import { quotable } from "./violation.ts";

export type Servers = ReturnType<typeof serversOf>;

/** The servers of one worker: cases that need nothing of their own share one, for as long as it serves. */
export function serversOf(provider: Provider) {
  let shared: Target | undefined;
  let gone: { why: string } | undefined;
  const special = (one: Case) =>
    provider.own && (provider.cheap || one.needs !== undefined || one.times !== undefined);
  async function anew(): Promise<void> {
    shared = undefined;
    try {
      if (!provider.restart) throw new Error("");
      await provider.restart();
    } catch (error) {
      gone = { why: quotable(error instanceof Error ? error.message : String(error)) };
      throw error;
    }
  }
  return {
    async take(one: Case): Promise<Target> {
      if (one.needs && !provider.own && !provider.fits?.(one.needs)) await anew();
      if (shared && !special(one)) return shared;
      const target = await provider.start({
        ...(one.times ? { times: one.times } : {}),
        console: one.needs === "console",
      });
      if (!special(one)) shared = target;
      return target;
    },
    async giveBack(one: Case, target: Target, killed: boolean): Promise<void> {
      const usable = !killed && target.alive();
      if (special(one) || (provider.own && !usable)) await target.stop();
      if (usable || special(one)) return;
      if (provider.own) shared = undefined;
      else await anew().catch(() => {});
    },
    /** A server that ran already, or cannot be started again, has ended. */
    gone: () => gone,
    stop: async () => void (await shared?.stop()),
  };
}
