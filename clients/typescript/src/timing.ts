/** When to connect again and when to renew a token: numbers in, numbers out. Pure. */

/** Pauses between connections: doubled from the first to the last, each times 0.5 to 1. */
export const BACKOFF_FIRST_MS = 200;
export const BACKOFF_LAST_MS = 5_000;

/** However long a broker asks to stay away, no longer than this is obeyed. */
export const ASKED_PAUSE_MAX_MS = 60_000;

/** A token is renewed when this much of its life has passed. */
const RENEW_AFTER = 0.8;

/** And not more often than this, whatever tokens are given. */
const RENEW_PAUSE_MIN_MS = 250;

/**
 * Return how long to wait before the next connection.
 *
 * @param failures sessions in a row that came to nothing.
 * @param askedMs what the broker's Goaway asked for, 0 for nothing: never shortened by chance.
 * @param random from 0 to below 1.
 */
export function pauseMs(failures: number, askedMs: number, random: number): number {
  const grown = Math.min(BACKOFF_FIRST_MS * 2 ** failures, BACKOFF_LAST_MS);
  return Math.min(askedMs, ASKED_PAUSE_MAX_MS) + (grown * (1 + random)) / 2;
}

/** Return how long to wait before a token is renewed that is good for `leftMs` more. */
export function renewInMs(leftMs: number): number {
  return Math.max(leftMs * RENEW_AFTER, RENEW_PAUSE_MIN_MS);
}

/** Return the Unix time in milliseconds when a JWT expires; undefined when it does not tell. */
export function expiryOf(token: string): number | undefined {
  try {
    const payload = (token.split(".")[1] ?? "").replaceAll("-", "+").replaceAll("_", "/");
    const exp: unknown = (JSON.parse(atob(payload)) as { exp?: unknown } | null)?.exp;
    return typeof exp === "number" && Number.isFinite(exp) ? exp * 1000 : undefined;
  } catch {
    return undefined; // not a JWT: the broker will say so
  }
}
