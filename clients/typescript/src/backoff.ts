// How long to wait before the next attempt to connect.

export interface Backoff {
  reconnectInterval: number;
  reconnectMaxInterval: number;
  /** Which part of the wait is random, 0 to 1. Without it, all clients of a server that was
   * restarted would come back in the same instant, again and again. */
  reconnectJitter: number;
}

/** Milliseconds before attempt number `attempt` (from 1). `random` is from [0, 1). */
export function backoffDelay(backoff: Backoff, attempt: number, random: number): number {
  const whole = Math.min(
    backoff.reconnectMaxInterval,
    backoff.reconnectInterval * 2 ** Math.min(attempt - 1, 52),
  );
  return whole * (1 - backoff.reconnectJitter * random);
}
