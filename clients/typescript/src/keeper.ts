/**
 * Keeps one outbox connected: one session after the other, until the broker refuses the producer or
 * nobody needs it any more.
 *
 * Law: only an error that a new session would not mend ends it all.
 */

import type { Ending } from "./connection.js";
import { LocalProtocolError, MoneyboardError, SessionRefusedError } from "./errors.js";
import type { Earning } from "./events.js";
import { Held, type Owner, type Settings } from "./held.js";
import type { Refused } from "./messages.js";
import type { Outbox } from "./outbox.js";
import { pauseMs } from "./timing.js";

/** Who is told what happens. */
export interface Audience {
  /** The outbox changed. */
  changed(): void;
  /** The broker refused this event; told once. */
  refused(event: Earning, answer: Refused): void;
  /** Something went wrong that is tried again. */
  trouble(error: unknown): void;
  /** Nothing is tried any more. */
  failed(error: Error): void;
}

/** Of RFC 6455, section 7.4.1. */
const NORMAL = 1000;
const GOING_AWAY = 1001;
const MESSAGE_TOO_BIG = 1009;

export class Keeper implements Owner {
  outbox: Outbox | undefined;
  sessions = 0;

  #held: Held | undefined;
  #wanted = true;
  #wake: () => void = () => undefined;

  constructor(
    readonly settings: Settings,
    readonly audience: Audience,
  ) {}

  /** Hold one session after the other; never throws. */
  async run(): Promise<void> {
    let failures = 0;
    while (this.#wanted) {
      const held = new Held(this.settings, this);
      this.#held = held;
      const ending = await held.run();
      this.#held = undefined;
      const fatal = fatalOf(ending);
      if (fatal !== undefined) {
        this.#wanted = false;
        this.audience.failed(fatal);
        return;
      }
      const trouble = troubleOf(ending);
      if (this.#wanted && trouble !== undefined) this.trouble(trouble);
      failures = held.wasGood ? 0 : failures + 1;
      if (this.#wanted) await this.#pause(pauseMs(failures, held.askedPauseMs, Math.random()));
    }
  }

  /** Send what the outbox has. */
  pump(): void {
    this.#held?.pump();
  }

  /** Say Bye, if a session is open, and wait for its end; no other follows. */
  async leave(): Promise<void> {
    this.#wanted = false;
    this.#wake();
    await this.#held?.leave();
  }

  /** End at once. */
  drop(): void {
    this.#wanted = false;
    this.#wake();
    this.#held?.drop();
  }

  changed(): void {
    this.audience.changed();
  }

  refused(event: Earning, answer: Refused): void {
    this.audience.refused(event, answer);
  }

  trouble(error: unknown): void {
    this.audience.trouble(error);
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

/** Return what is wrong with an ending; undefined when the broker just closed or went away. */
function troubleOf({ code, error }: Ending): unknown {
  const expected = code === NORMAL || code === GOING_AWAY;
  return error ?? (expected ? undefined : new MoneyboardError(`the connection ended: ${code}`));
}

/** Return the error of an ending that no new session would mend. */
function fatalOf({ code, error }: Ending): Error | undefined {
  if (error instanceof SessionRefusedError || error instanceof LocalProtocolError) return error;
  return code === MESSAGE_TOO_BIG
    ? new SessionRefusedError("too-large", "this broker takes smaller messages than it said")
    : undefined;
}

