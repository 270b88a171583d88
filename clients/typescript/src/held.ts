/**
 * One session of an outbox, from the token for it to its end.
 *
 * Laws:
 *
 * - At most the window is unanswered; after Goaway nothing more is sent.
 * - A connection on which an answer is overdue is given up; a new session sends again.
 */

import { Connection, type Ending, type Listener, type SocketConstructor } from "./connection.js";
import { LocalProtocolError, RemoteProtocolError, SessionRefusedError } from "./errors.js";
import type { Earning } from "./events.js";
import type {
  Ack,
  BrokerMessage,
  ErrorMessage,
  Gap,
  Refused,
  Subprotocol,
  Welcome,
} from "./messages.js";
import { Outbox, type Bounds } from "./outbox.js";
import { HASH_NAME } from "./partition.js";
import { BACKOFF_LAST_MS, expiryOf, renewInMs } from "./timing.js";

/** A token, or what gives a fresh one: for each session, and before one expires. */
export type Token = string | (() => string | Promise<string>);

export interface Settings {
  readonly url: string;
  readonly token: Token;
  readonly producer: string;
  /** Whether the producer id may have been used before, for the same events. */
  readonly replays: boolean;
  readonly subprotocol: Subprotocol;
  readonly WebSocket: SocketConstructor;
  readonly client: string;
  readonly version: string;
}

/** Whose outbox it is: has what outlives a session, and is told what happens. */
export interface Owner {
  /** Made by the first Welcome. */
  outbox: Outbox | undefined;
  /** How many sessions were opened. */
  sessions: number;
  /** The outbox changed: there may be more to send. */
  changed(): void;
  refused(event: Earning, answer: Refused): void;
  trouble(error: unknown): void;
}

/** The longest that an event waits for others to go in one batch with it. */
const GATHER_MS = 5;
/** What a Publish has besides its events, generously. */
const PUBLISH_BYTES = 128;

/** From the connection to Welcome. */
const GREETING_MS = 10_000;
/** From Goaway to the broker's close: three times the broker's own default. */
const DRAINING_MS = 30_000;
/** From Bye to the broker's close. */
const LEAVING_MS = 10_000;
/** Without any answer though one is due. */
const SILENCE_MS = 30_000;
/** When nothing was archived for so long, it is asked whether the log has the events still. */
const PROBE_MS = 15_000;
/** How often it is looked whether anything is overdue. */
const TICK_MS = 1_000;

/** Errors that a new session may get over; the others are the caller's to mend. */
const TRY_AGAIN: ReadonlySet<string> = new Set([
  "unavailable",
  "restored",
  "timeout",
  "window-exceeded",
]);

/** Each is a lane here; no honest broker has near as many. */
const PARTITIONS_MAX = 65_536;

/** The longest that timers can wait. */
const TIMER_MAX_MS = 2 ** 31 - 1;

export class Held implements Listener {
  askedPauseMs = 0;

  readonly #settings: Settings;
  readonly #owner: Owner;
  readonly #ending: Promise<Ending>;
  #tellEnding: (ending: Ending) => void = () => undefined;
  #connection: Connection | undefined;
  #token = "";
  #bounds: Bounds | undefined;
  #brokerClockMs = 0;
  #openedAt = 0;
  #acked = false;
  #refused = false;
  #due: Due = {};
  #renewing: ReturnType<typeof setTimeout> | undefined;
  #gathering: ReturnType<typeof setTimeout> | undefined;
  #over = false;

  constructor(settings: Settings, owner: Owner) {
    this.#settings = settings;
    this.#owner = owner;
    this.#ending = new Promise((resolve) => (this.#tellEnding = resolve));
  }

  /** Whether it came to anything: then the next one may follow at once. */
  get wasGood(): boolean {
    const lasted = this.#bounds !== undefined && now() - this.#openedAt > BACKOFF_LAST_MS;
    return lasted || (this.#acked && !this.#refused);
  }

  async run(): Promise<Ending> {
    const ticking = setInterval(() => this.#tick(), TICK_MS);
    this.#start().catch((error: unknown) => this.ended({ code: 0, error }));
    const ending = await this.#ending;
    clearInterval(ticking);
    clearTimeout(this.#renewing);
    clearTimeout(this.#gathering);
    return ending;
  }

  /** Send what there is: full batches and lone events now, what is between them in a moment. */
  pump(gathered = false): void {
    const { outbox } = this.#owner;
    if (this.#connection?.state !== "open" || this.#bounds === undefined || !outbox) return;
    for (;;) {
      const publish = outbox.next(this.#bounds, gathered);
      if (publish === undefined) break;
      this.#connection.send(publish);
      this.#due.answer ??= now() + SILENCE_MS;
    }
    if (gathered || this.#gathering !== undefined || !outbox.unsent) return;
    this.#gathering = setTimeout(() => {
      this.#gathering = undefined;
      this.pump(true);
    }, GATHER_MS);
  }

  async leave(): Promise<void> {
    const state = this.#connection?.state;
    if (state === "open" || state === "draining") {
      this.#connection?.send({ type: "bye" });
      this.#due = { closed: now() + LEAVING_MS };
    } else {
      this.drop();
    }
    await this.#ending;
  }

  drop(error?: unknown): void {
    this.#connection?.drop(error);
    this.ended({ code: 0, error });
  }

  opened(): void {
    const { producer, client, version } = this.#settings;
    this.#connection?.send({ type: "hello", token: this.#token, producer, client, version });
  }

  ended(ending: Ending): void {
    this.#over = true;
    this.#tellEnding(ending);
  }

  received(message: BrokerMessage): void {
    if (message.type === "welcome") {
      this.#welcomed(message);
    } else if (message.type === "error") {
      this.#refused = true;
      throw this.#meaningOf(message);
    } else if (message.type === "goaway") {
      this.askedPauseMs = message.retry_after_ms;
      this.#due = { closed: this.#due.closed ?? now() + DRAINING_MS };
    } else {
      this.#answered(message);
    }
    this.#owner.changed();
  }

  async #start(): Promise<void> {
    const { token, WebSocket, url, subprotocol } = this.#settings;
    this.#token = await freshToken(token);
    if (this.#over) return;
    this.#due.greeted = now() + GREETING_MS;
    try {
      this.#connection = new Connection(WebSocket, url, subprotocol, this);
    } catch (error) {
      throw new LocalProtocolError(`no WebSocket for ${url}: ${String(error)}`);
    }
  }

  #welcomed(welcome: Welcome): void {
    checkWelcome(welcome);
    this.#owner.outbox ??= new Outbox(welcome.partitions, this.#settings.replays);
    this.#owner.outbox.welcome(welcome.partitions, welcome.lanes);
    this.#owner.sessions += 1;
    this.#bounds = {
      window: welcome.window,
      maxBatch: welcome.max_batch,
      batchBytes: welcome.max_message - PUBLISH_BYTES,
    };
    this.#openedAt = now();
    this.#brokerClockMs = welcome.time_ms - this.#openedAt;
    this.#due = { probe: now() + PROBE_MS };
    this.#renewBefore(welcome.token_expires_at_ms);
  }

  #answered(message: Ack | Gap | Refused): void {
    const outbox = this.#owner.outbox as Outbox; // made by Welcome, which the table puts first
    if (message.type === "ack") {
      const moved = outbox.acked(message.partition, message.through, message.archived);
      this.#acked ||= moved;
    } else if (message.type === "gap") {
      outbox.gap(message.partition);
    } else {
      const event = outbox.refused(message.partition, message.seq);
      if (event !== undefined) this.#owner.refused(event, message);
    }
    if (outbox.unanswered > 0) {
      this.#due.answer = now() + SILENCE_MS;
    } else {
      delete this.#due.answer;
    }
    this.#due.probe = now() + PROBE_MS;
  }

  /** Return the error to end the session with: of those that end it all where it should. */
  #meaningOf(message: ErrorMessage): Error {
    const renewable = typeof this.#settings.token !== "string";
    const passing =
      TRY_AGAIN.has(message.code) || (message.code === "token-expired" && renewable);
    const error = new SessionRefusedError(message.code, message.text);
    return passing ? new SessionEndedError(error) : error;
  }

  #tick(): void {
    const time = now();
    const { greeted, closed, answer, probe } = this.#due;
    if (greeted !== undefined && time >= greeted) {
      this.drop(new Error("the broker did not say Welcome in time"));
    } else if (closed !== undefined && time >= closed) {
      this.drop(new Error("the broker did not close in time"));
    } else if (answer !== undefined && time >= answer) {
      this.drop(new Error("the broker did not answer in time"));
    } else if (probe !== undefined && time >= probe) {
      this.#probe();
    }
  }

  #probe(): void {
    this.#due.probe = now() + PROBE_MS;
    const { outbox } = this.#owner;
    if (this.#connection?.state !== "open" || outbox === undefined) return;
    if (outbox.unanswered > 0) return;
    for (const publish of outbox.probes()) {
      this.#connection.send(publish);
      this.#due.answer ??= now() + SILENCE_MS;
    }
  }

  #renewBefore(expiresAtMs: number | undefined): void {
    if (typeof this.#settings.token === "string" || expiresAtMs === undefined) return;
    const pause = renewInMs(expiresAtMs - this.#brokerClockMs - now());
    this.#renewing = setTimeout(() => void this.#renew(), Math.min(pause, TIMER_MAX_MS));
  }

  async #renew(): Promise<void> {
    try {
      const token = await freshToken(this.#settings.token);
      const { state } = this.#connection ?? {};
      if (state !== "open" && state !== "draining") return;
      if (token !== this.#token) this.#connection?.send({ type: "renew", token });
      this.#token = token;
    } catch (error) {
      this.#owner.trouble(error);
    }
    if (this.#over) return;
    this.#renewBefore(expiryOf(this.#token));
  }
}

function checkWelcome(welcome: Welcome): void {
  if (welcome.hash !== HASH_NAME) {
    throw new LocalProtocolError(`the broker places players by ${welcome.hash}, not crc32`);
  }
  if (welcome.partitions < 1 || welcome.partitions > PARTITIONS_MAX) {
    throw new RemoteProtocolError("malformed", `${welcome.partitions} partitions`);
  }
  if (welcome.window < 1 || welcome.max_batch < 1) {
    throw new RemoteProtocolError("malformed", "the broker takes nothing");
  }
}

/** When what is overdue, by the clock of `now`. */
interface Due {
  greeted?: number;
  closed?: number;
  answer?: number;
  probe?: number;
}

/** The broker ended a session with an error that a new one may get over. */
class SessionEndedError extends Error {
  constructor(readonly refusal: SessionRefusedError) {
    super(refusal.message);
  }
}

async function freshToken(token: Token): Promise<string> {
  return typeof token === "string" ? token : await token();
}

function now(): number {
  return performance.now();
}
