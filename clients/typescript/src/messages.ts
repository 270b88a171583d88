/**
 * The messages of `moneyboard.v1` and their two encodings. Pure.
 *
 * Laws:
 *
 * - What arrives is taken only when each field is what the protocol says; nothing is converted.
 * - Keys that this version does not know are ignored.
 * - Fields are named as on the wire.
 */

import { RemoteProtocolError } from "./errors.js";
import { EARNING_REVERSED, MONEY_EARNED, type Earning } from "./events.js";
import * as msgpack from "./msgpack.js";

export const SUBPROTOCOL_MSGPACK = "moneyboard.v1.msgpack";
export const SUBPROTOCOL_JSON = "moneyboard.v1.json";
export type Subprotocol = typeof SUBPROTOCOL_MSGPACK | typeof SUBPROTOCOL_JSON;

/** What a Welcome that does not tell `max_message` means. */
export const MESSAGE_BYTES = 65_536;

/** Larger than any honest Welcome: one with 1,024 lanes is below 64 KiB in msgpack. */
export const RECEIVED_BYTES_MAX = 1024 * 1024;

/** What an Ack promises: in the log's memory, on its replicas, or on its disk. */
export type Durability = "memory" | "replicated" | "fsynced";

/** A lane as the broker knows it: its last seq in the log and in the archive, 0 for none. */
export interface Lane {
  readonly partition: number;
  readonly last: number;
  readonly archived: number;
}

export interface Hello {
  readonly type: "hello";
  readonly token: string;
  readonly producer: string;
  readonly client: string;
  readonly version: string;
}

export interface Publish {
  readonly type: "publish";
  readonly partition: number;
  readonly first: number;
  readonly events: readonly Earning[];
}

export interface Renew {
  readonly type: "renew";
  readonly token: string;
}

export interface Bye {
  readonly type: "bye";
}

export interface Welcome {
  readonly type: "welcome";
  readonly session: string;
  readonly partitions: number;
  readonly hash: string;
  readonly lanes: readonly Lane[];
  readonly window: number;
  readonly max_batch: number;
  readonly durability: Durability;
  readonly token_expires_at_ms: number;
  readonly time_ms: number;
  readonly max_message: number;
}

export interface Ack {
  readonly type: "ack";
  readonly partition: number;
  readonly through: number;
  readonly durability: Durability;
  readonly archived: number;
}

export interface Refused {
  readonly type: "refused";
  readonly partition: number;
  readonly seq: number;
  readonly code: string;
  readonly text: string;
}

export interface Gap {
  readonly type: "gap";
  readonly partition: number;
  readonly last: number;
}

export interface Goaway {
  readonly type: "goaway";
  readonly reason: string;
  readonly retry_after_ms: number;
}

export interface ErrorMessage {
  readonly type: "error";
  readonly code: string;
  readonly text: string;
}

export type ClientMessage = Hello | Publish | Renew | Bye;
export type BrokerMessage = Welcome | Ack | Refused | Gap | Goaway | ErrorMessage;
export type Message = ClientMessage | BrokerMessage;

type OfType<T extends Message["type"]> = Extract<Message, { type: T }>;
type Fields<M> = { readonly [F in Exclude<keyof M, "type">]: (value: unknown) => M[F] };

const CLIENT_FIELDS: { readonly [T in ClientMessage["type"]]: Fields<OfType<T>> } = {
  hello: { token: text, producer: text, client: optional(text, ""), version: optional(text, "") },
  publish: { partition: count, first: count, events: listOf(earning) },
  renew: { token: text },
  bye: {},
};

const BROKER_FIELDS: { readonly [T in BrokerMessage["type"]]: Fields<OfType<T>> } = {
  welcome: {
    session: text,
    partitions: count,
    hash: text,
    lanes: listOf(lane),
    window: count,
    max_batch: count,
    durability,
    token_expires_at_ms: count,
    time_ms: count,
    max_message: optional(count, MESSAGE_BYTES),
  },
  ack: { partition: count, through: count, durability, archived: optional(count, 0) },
  refused: { partition: count, seq: count, code: text, text: optional(text, "") },
  gap: { partition: count, last: count },
  goaway: { reason: text, retry_after_ms: optional(count, 0) },
  error: { code: text, text: optional(text, "") },
};

/** Encode a message for a WebSocket: bytes for msgpack, text for JSON. */
export function encode(
  message: Message,
  subprotocol: Subprotocol,
): Uint8Array<ArrayBuffer> | string {
  return subprotocol === SUBPROTOCOL_MSGPACK ? msgpack.encode(message) : JSON.stringify(message);
}

/**
 * Decode what a broker sent.
 *
 * @throws RemoteProtocolError `malformed` or `too-large`, for anything that is no broker's message.
 */
export function decodeBrokerMessage(
  data: Uint8Array | string,
  subprotocol: Subprotocol,
): BrokerMessage {
  return understood(() => message(BROKER_FIELDS, opened(data, subprotocol))) as BrokerMessage;
}

/** Decode what a client sent; throws as `decodeBrokerMessage`. */
export function decodeClientMessage(
  data: Uint8Array | string,
  subprotocol: Subprotocol,
): ClientMessage {
  return understood(() => message(CLIENT_FIELDS, opened(data, subprotocol))) as ClientMessage;
}

function opened(data: Uint8Array | string, subprotocol: Subprotocol): unknown {
  if (data.length > RECEIVED_BYTES_MAX) {
    throw new RemoteProtocolError("too-large", `a message of ${data.length}`);
  }
  if (typeof data === "string") {
    if (subprotocol !== SUBPROTOCOL_JSON) throw new Error("text does not belong here");
    return JSON.parse(data);
  }
  if (subprotocol !== SUBPROTOCOL_MSGPACK) throw new Error("binary does not belong here");
  return msgpack.decode(data);
}

function understood<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof RemoteProtocolError) throw error;
    throw new RemoteProtocolError("malformed", error instanceof Error ? error.message : "");
  }
}

/** Take the fields that a message's type has; each throws unless its value is one of its kind. */
function message(types: object, value: unknown): object {
  const found = map(value);
  const type = text(found["type"]);
  if (!Object.hasOwn(types, type)) throw new Error(`${type} is no message of this sender`);
  return { type, ...taken((types as Record<string, Fields<Message>>)[type] ?? {}, found) };
}

function taken(fields: object, found: msgpack.MsgpackMap): object {
  return Object.fromEntries(
    Object.entries(fields).map(([name, read]) => {
      try {
        return [name, (read as (value: unknown) => unknown)(own(found, name))];
      } catch (error) {
        throw new Error(`${name}: ${(error as Error).message}`);
      }
    }),
  );
}

function own(found: msgpack.MsgpackMap, name: string): unknown {
  return Object.hasOwn(found, name) ? found[name] : undefined;
}

function map(value: unknown): msgpack.MsgpackMap {
  const prototype: unknown =
    typeof value === "object" && value !== null ? Object.getPrototypeOf(value) : undefined;
  if (prototype !== null && prototype !== Object.prototype) throw new Error("a map is expected");
  return value as msgpack.MsgpackMap;
}

function text(value: unknown): string {
  if (typeof value !== "string") throw new Error("text is expected");
  return value;
}

function whole(value: unknown): number {
  if (!Number.isSafeInteger(value)) throw new Error("a whole number below 2^53 is expected");
  return value as number;
}

function count(value: unknown): number {
  const found = whole(value);
  if (found < 0) throw new Error("a number not below 0 is expected");
  return found;
}

function durability(value: unknown): Durability {
  if (value !== "memory" && value !== "replicated" && value !== "fsynced") {
    throw new Error("a durability is expected");
  }
  return value;
}

function optional<T>(read: (value: unknown) => T, missing: T): (value: unknown) => T {
  return (value) => (value === undefined ? missing : read(value));
}

function listOf<T>(read: (value: unknown) => T): (value: unknown) => readonly T[] {
  return (value) => {
    if (!Array.isArray(value)) throw new Error("an array is expected");
    return value.map(read);
  };
}

function lane(value: unknown): Lane {
  const fields: Fields<Lane & { type: never }> = { partition: count, last: count, archived: count };
  return taken(fields, map(value)) as Lane;
}

/** An event. Elements that a later version appends are left out; missing texts are empty. */
function earning(value: unknown): Earning {
  if (!Array.isArray(value)) throw new Error("an event is an array");
  const [tag, player, amount, atMs, reference = "", reason = ""] = value as unknown[];
  if (tag === MONEY_EARNED) {
    return [MONEY_EARNED, text(player), whole(amount), whole(atMs), text(reference)];
  }
  if (tag === EARNING_REVERSED) {
    const reversal = [text(player), whole(amount), whole(atMs), text(reference)] as const;
    return [EARNING_REVERSED, ...reversal, text(reason)];
  }
  throw new Error("no event of clients has this tag");
}
