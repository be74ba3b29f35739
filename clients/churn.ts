/**
 * Connections that come and go beside a room's members: what they do to those who stay is the question, so
 * they say nothing and their deliveries are not looked at. Every other one leaves by a reset, as a phone that
 * loses its network does; the rest in order.
 */
import { now } from "../platform/clock.ts";
import type { Endpoint } from "./endpoint.ts";
import { connectReason, type Member, type Open, openMembers } from "./members.ts";

export type Churn = { perSecond: number };
export type Churned = { came: number; failed: number; reason: string };

/** How long one stays: long enough to be a member, and spoken to. */
const STAY_MS = 5;
const LOOK_MS = 1;

/** Lets connections come and go at this rate from `start` for so many seconds; resolves when all have gone. */
export async function churn(
  target: Endpoint,
  open: Open,
  { perSecond }: Churn,
  start: number,
  seconds: number,
): Promise<Churned> {
  const churned: Churned = { came: 0, failed: 0, reason: "" };
  const visits: Promise<void>[] = [];
  const total = Math.round(perSecond * seconds);
  while (visits.length < total) {
    await Bun.sleep(LOOK_MS);
    const due = Math.min(total, Math.floor(((now() - start) / 1e9) * perSecond));
    while (visits.length < due) visits.push(visit(target, open, churned, visits.length));
  }
  await Promise.all(visits);
  return churned;
}

async function visit(target: Endpoint, open: Open, churned: Churned, number: number): Promise<void> {
  let member: Member;
  try {
    [member] = await openMembers(target, 1, { onBytes: () => {}, onLost: () => {} }, (target, _, handlers) =>
      open(target, number, handlers),
    );
  } catch (error) {
    churned.failed++;
    churned.reason = connectReason(target, error);
    return;
  }
  churned.came++;
  await Bun.sleep(STAY_MS);
  if (number % 2 === 0) member.close();
  else member.reset();
}
