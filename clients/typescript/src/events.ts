/**
 * What a client publishes. Pure.
 *
 * An event is an array that begins with its tag, kind × 16 + version, as it goes over the wire.
 */

import { LocalProtocolError } from "./errors.js";

export const MONEY_EARNED = 17;
export const EARNING_REVERSED = 33;

/** `[17, player, amount, earned_at_ms, reference]`; the amount in minor units. */
export type MoneyEarned = readonly [
  tag: typeof MONEY_EARNED,
  player: string,
  amount: number,
  earnedAtMs: number,
  reference: string,
];

/** `[33, player, amount, reversed_at_ms, reference, reason]`. */
export type EarningReversed = readonly [
  tag: typeof EARNING_REVERSED,
  player: string,
  amount: number,
  reversedAtMs: number,
  reference: string,
  reason: string,
];

export type Earning = MoneyEarned | EarningReversed;

/** Text with half a surrogate pair, which UTF-8 has no bytes for. */
const ILL_FORMED = /\p{Surrogate}/u;

const toUtf8 = new TextEncoder();

/**
 * Refuse what cannot be put on the wire and would end the session for all other events. Whether an
 * event that can be sent is accepted is the broker's to say.
 *
 * @throws LocalProtocolError
 */
export function checkEarning(event: Earning): void {
  for (const value of event) {
    if (typeof value === "number" ? !Number.isSafeInteger(value) : !isText(value)) {
      throw new LocalProtocolError(
        `an event holds well-formed text and whole numbers below 2^53, not ${String(value)}`,
      );
    }
  }
}

function isText(value: unknown): boolean {
  return typeof value === "string" && !ILL_FORMED.test(value);
}

/** Return how many bytes an event takes in a Publish at most: its JSON, never below its msgpack. */
export function sizeOf(event: Earning): number {
  return toUtf8.encode(JSON.stringify(event)).length + ",".length;
}
