/**
 * What a game sends earnings with.
 *
 *     const money = await connect("ws://127.0.0.1:7400", token);
 *     await money.earn("player-1", 250, { reference: "match-77" });
 *     await money.close();
 *
 * Laws:
 *
 * - An earning that `earn` took is delivered exactly once, whatever connections do, while this
 *   process or page lives: it stays in the outbox until the archive has it.
 * - The number of unarchived events is bounded; past it `earn` waits, in the order of the calls.
 * - A refusal of the whole producer (a wrong token, say) is thrown by every call from then on.
 */

import type { SocketConstructor } from "./connection.js";
import { ClosedError, LocalProtocolError } from "./errors.js";
import { EARNING_REVERSED, MONEY_EARNED, checkEarning, sizeOf, type Earning } from "./events.js";
import { PRODUCER_ID, uuid7 } from "./identity.js";
import type { Token } from "./held.js";
import { Keeper } from "./keeper.js";
import { SUBPROTOCOL_MSGPACK, type Refused, type Subprotocol } from "./messages.js";
import type { Mark, Outbox } from "./outbox.js";
import { partitionOf } from "./partition.js";
import { Queue } from "./queue.js";

export const VERSION = "1.0.0";

/** Events kept at most by default: some 20 MB. */
const UNARCHIVED_MAX = 100_000;

/** The longest ids and texts that the protocol allows take less. */
const EVENT_BYTES_MAX = 4_096;

export interface Options {
  /** The encoding; `moneyboard.v1.msgpack` by default. */
  readonly subprotocol?: Subprotocol;
  /**
   * The outbox's id, a UUID; by default a new one, ordered by time. An id that was used before is
   * for the same events again, from the first on and in the same order, as they come from a file or
   * a table: what the log has of them counts once. Other events would be taken for those.
   */
  readonly producer?: string;
  /** Events kept before `earn` waits. */
  readonly unarchivedMax?: number;
  /** What opens WebSockets, where `globalThis.WebSocket` is none or not the one to use. */
  readonly WebSocket?: SocketConstructor;
  /** Name and version of the game, for the broker's logs. */
  readonly client?: string;
  readonly version?: string;
  /** Told of each earning that the broker refused, once. */
  readonly onRefused?: (event: Earning, answer: Refused) => void;
  /** Told why a connection ended or a token could not be had; the client tries again. */
  readonly onTrouble?: (error: unknown) => void;
  /** Ends `connect` when no session was opened yet. */
  readonly signal?: AbortSignal;
}

/**
 * Open an outbox and keep it connected. Resolves when the first session is open; until a broker is
 * there it tries again, for as long as `signal` allows.
 *
 * @param url `ws://` or `wss://`.
 * @param token a JWT with the scope `earn` or `earn:any`, or a function that gives a fresh one:
 * called for each session, and before the token expires.
 * @throws SessionRefusedError the broker refuses the token or the producer.
 * @throws LocalProtocolError an argument cannot be right.
 */
export async function connect(
  url: string,
  token: Token,
  options: Options = {},
): Promise<MoneyClient> {
  const client = new MoneyClient(url, token, options);
  const { signal } = options;
  const abort = (): void => client.abandon();
  signal?.throwIfAborted();
  signal?.addEventListener("abort", abort);
  try {
    await client.ready();
    return client;
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  } finally {
    signal?.removeEventListener("abort", abort);
  }
}

interface Waiting {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** An outbox that is kept connected; made by `connect`. */
export class MoneyClient {
  /** The outbox's id. */
  readonly producer: string;

  readonly #keeper: Keeper;
  readonly #options: Options;
  readonly #unarchivedMax: number;
  readonly #running: Promise<void>;
  readonly #untaken = new Queue<Waiting & { readonly event: Earning }>();
  readonly #watching = new Set<Waiting & { readonly done: (outbox: Outbox) => boolean }>();
  #lastTaken: Promise<void> = Promise.resolve();
  #closing: Promise<void> | undefined;
  #failure: Error | undefined;
  #refused = 0;

  /** Only for `connect`. */
  constructor(url: string, token: Token, options: Options) {
    this.producer = options.producer ?? newProducer();
    this.#options = options;
    this.#unarchivedMax = options.unarchivedMax ?? UNARCHIVED_MAX;
    const settings = {
      url: checkedUrl(url),
      token,
      producer: checkedProducer(this.producer),
      replays: options.producer !== undefined,
      subprotocol: options.subprotocol ?? SUBPROTOCOL_MSGPACK,
      WebSocket: checkedWebSocket(options.WebSocket ?? globalThis.WebSocket),
      client: options.client ?? "moneyboard-typescript",
      version: options.version ?? VERSION,
    };
    this.#keeper = new Keeper(settings, {
      changed: () => this.#changed(),
      refused: (event, answer) => this.#tellRefused(event, answer),
      trouble: (error) => this.#tell(() => options.onTrouble?.(error)),
      failed: (error) => this.#fail(error),
    });
    this.#running = this.#keeper.run();
  }

  /** How many events taken are not known to be in the log. */
  get unacked(): number {
    return this.#keeper.outbox?.unacked ?? 0;
  }

  /** How many events taken are not known to be in the archive. */
  get unarchived(): number {
    return this.#keeper.outbox?.unarchived ?? 0;
  }

  /** How many events the broker refused. */
  get refused(): number {
    return this.#refused;
  }

  /** How many sessions were opened. */
  get sessions(): number {
    return this.#keeper.sessions;
  }

  /**
   * Take an earning for delivery. Resolves when it is in the outbox, which is at once unless too
   * many events are unarchived.
   *
   * @param amount whole minor units.
   * @param details the game's own name for what was earned; Unix time, now by default.
   */
  async earn(
    player: string,
    amount: number,
    details: { reference?: string; earnedAtMs?: number } = {},
  ): Promise<void> {
    const { reference = "", earnedAtMs = Date.now() } = details;
    await this.publish([MONEY_EARNED, player, amount, earnedAtMs, reference]);
  }

  /** Take back an earning, where the token allows it; as `earn`. */
  async reverse(
    player: string,
    amount: number,
    details: { reference?: string; reason?: string; reversedAtMs?: number } = {},
  ): Promise<void> {
    const { reference = "", reason = "", reversedAtMs = Date.now() } = details;
    await this.publish([EARNING_REVERSED, player, amount, reversedAtMs, reference, reason]);
  }

  /** Take an event for delivery; as `earn`. */
  async publish(event: Earning): Promise<void> {
    this.#mustBeOpen();
    checkEarning(event);
    if (sizeOf(event) > EVENT_BYTES_MAX) {
      throw new LocalProtocolError("an event has longer texts than any broker takes");
    }
    const { outbox } = this.#keeper;
    if (outbox !== undefined && this.#hasRoom(outbox)) {
      this.#take(outbox, event);
      this.#keeper.pump();
      return;
    }
    this.#lastTaken = new Promise((resolve, reject) => {
      this.#untaken.push({ event, resolve, reject });
    });
    await this.#lastTaken;
  }

  /** Resolves when every event given so far is in the log. */
  async flush(): Promise<void> {
    await this.#reach("acked");
  }

  /** Resolves when every event given so far is in the archive, which outlives the log. */
  async archived(): Promise<void> {
    await this.#reach("archived");
  }

  /** Resolves when the first session was open. */
  async ready(): Promise<void> {
    await this.#watch(() => true);
  }

  /** Take nothing more, wait until every event given is in the log, and end the session. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** End at once. What is not in the log is lost; what is waited for fails. */
  abandon(): void {
    this.#fail(new ClosedError("the client was abandoned"));
    this.#keeper.drop();
  }

  async #close(): Promise<void> {
    await this.#reach("acked");
    await this.#keeper.leave();
    await this.#running;
    this.#fail(new ClosedError("the client is closed"));
  }

  async #reach(watermark: "acked" | "archived"): Promise<void> {
    this.#throwFailure();
    let mark: Mark | undefined;
    if (this.#untaken.length > 0) {
      await this.#lastTaken;
    } else {
      mark = this.#keeper.outbox?.mark();
    }
    await this.#watch((outbox) => outbox.has((mark ??= outbox.mark()), watermark));
  }

  /** Resolves when there is an outbox and it is as wished. */
  async #watch(done: (outbox: Outbox) => boolean): Promise<void> {
    this.#throwFailure();
    const { outbox } = this.#keeper;
    if (outbox !== undefined && done(outbox)) return;
    await new Promise<void>((resolve, reject) => this.#watching.add({ done, resolve, reject }));
  }

  #changed(): void {
    const { outbox } = this.#keeper;
    if (outbox === undefined) return;
    while (this.#untaken.length > 0 && this.#hasRoom(outbox)) {
      const waiting = this.#untaken.shift();
      if (waiting === undefined) break;
      this.#take(outbox, waiting.event);
      waiting.resolve();
    }
    this.#keeper.pump();
    for (const waiting of this.#watching) {
      if (waiting.done(outbox)) {
        this.#watching.delete(waiting);
        waiting.resolve();
      }
    }
  }

  #take(outbox: Outbox, event: Earning): void {
    outbox.add(partitionOf(event[1], outbox.partitions), event);
  }

  #hasRoom(outbox: Outbox): boolean {
    return outbox.unarchived < this.#unarchivedMax;
  }

  #tellRefused(event: Earning, answer: Refused): void {
    this.#refused += 1;
    this.#tell(() => this.#options.onRefused?.(event, answer));
  }

  /** Call back apart from all else, so that what it throws is reported as any uncaught error. */
  #tell(callback: () => void): void {
    queueMicrotask(callback);
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    for (let waiting = this.#untaken.shift(); waiting; waiting = this.#untaken.shift()) {
      waiting.reject(this.#failure);
    }
    for (const waiting of this.#watching) {
      waiting.reject(this.#failure);
    }
    this.#watching.clear();
  }

  #mustBeOpen(): void {
    this.#throwFailure();
    if (this.#closing !== undefined) throw new ClosedError("the client is closing");
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }
}

function newProducer(): string {
  return uuid7(Date.now(), crypto.getRandomValues(new Uint8Array(10)));
}

function checkedUrl(url: string): string {
  if (!URL.canParse(url) || !/^wss?:$/.test(new URL(url).protocol)) {
    throw new LocalProtocolError(`${url} is not a ws:// or wss:// URL`);
  }
  return url;
}

function checkedProducer(producer: string): string {
  if (!PRODUCER_ID.test(producer)) {
    throw new LocalProtocolError("a producer id is a UUID in lower case");
  }
  return producer;
}

function checkedWebSocket(WebSocket: SocketConstructor | undefined): SocketConstructor {
  if (WebSocket === undefined) {
    throw new LocalProtocolError('there is no WebSocket here: import "moneyboard/node"');
  }
  return WebSocket;
}
