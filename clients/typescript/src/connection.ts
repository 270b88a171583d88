/**
 * One WebSocket and the session on it: messages in, messages out, and one ending.
 *
 * Laws:
 *
 * - Only what the session's table allows is sent or handed on.
 * - `ended` is told exactly once, however the connection ends; nothing is handed on after it.
 */

import { MoneyboardError, RemoteProtocolError } from "./errors.js";
import {
  decodeBrokerMessage,
  encode,
  type BrokerMessage,
  type ClientMessage,
  type Subprotocol,
} from "./messages.js";
import { Session, type State } from "./session.js";

/** What the WebSockets of browsers, of Node and of the package `ws` have in common. */
export interface Socket {
  binaryType: string;
  readonly protocol: string;
  onopen: ((event: any) => void) | null;
  onmessage: ((event: any) => void) | null;
  onclose: ((event: any) => void) | null;
  onerror: ((event: any) => void) | null;
  send(data: string | Uint8Array<ArrayBuffer>): void;
  close(code?: number, reason?: string): void;
  /** Only of `ws`: end at once, without a closing handshake. */
  terminate?(): void;
}

export type SocketConstructor = new (url: string, protocols: string[]) => Socket;

/** Who is told what happens on a connection. What it throws ends the connection. */
export interface Listener {
  opened(): void;
  received(message: BrokerMessage): void;
  ended(ending: Ending): void;
}

export interface Ending {
  /** The WebSocket's close code (RFC 6455, section 7.4); 1006 when there was no closing. */
  readonly code: number;
  /** What this side found wrong; undefined when the broker ended it. */
  readonly error?: unknown;
}

const NORMAL = 1000;
const ABNORMAL = 1006;

/** For the closing handshake; only `ws` can be made to end without one. */
const CLOSING_MS = 2_000;

/** Browsers allow a page 1000 and 3000 to 4999 only, so 1002 itself cannot be said. */
const BROKE_PROTOCOL = 4002;

export class Connection {
  readonly #socket: Socket;
  readonly #session = new Session();
  #trouble: unknown;
  #over = false;
  #lastResort: ReturnType<typeof setTimeout> | undefined;

  constructor(
    Constructor: SocketConstructor,
    url: string,
    readonly subprotocol: Subprotocol,
    readonly listener: Listener,
  ) {
    this.#socket = new Constructor(url, [subprotocol]);
    this.#socket.binaryType = "arraybuffer";
    this.#socket.onopen = () => this.#guard(() => this.#opened());
    this.#socket.onmessage = (event: { data: unknown }) =>
      this.#guard(() => this.#received(event.data));
    this.#socket.onerror = (event: { error?: unknown; message?: unknown }) => {
      this.#trouble = event.error ?? new MoneyboardError(`no connection to ${url}`);
    };
    this.#socket.onclose = (event: { code: number }) => {
      clearTimeout(this.#lastResort);
      this.#end(event.code, this.#trouble);
    };
  }

  get state(): State {
    return this.#session.state;
  }

  /** Send a message; throws LocalProtocolError when the session's state does not allow it. */
  send(message: ClientMessage): void {
    this.#session.send(message);
    this.#socket.send(encode(message, this.subprotocol));
  }

  /** End now, for a fault of the other side or because nobody needs it any more. */
  drop(error?: unknown): void {
    if (this.#over) return;
    this.#end(ABNORMAL, error);
    this.#lastResort = setTimeout(() => this.#socket.terminate?.(), CLOSING_MS);
    this.#socket.close(error instanceof RemoteProtocolError ? BROKE_PROTOCOL : NORMAL);
  }

  #opened(): void {
    if (this.#socket.protocol !== this.subprotocol) {
      throw new RemoteProtocolError("malformed", `the broker does not speak ${this.subprotocol}`);
    }
    this.listener.opened();
  }

  #received(data: unknown): void {
    const bytes = data instanceof ArrayBuffer ? new Uint8Array(data) : String(data);
    const message = decodeBrokerMessage(bytes, this.subprotocol);
    this.#session.receive(message);
    this.listener.received(message);
  }

  #guard(step: () => void): void {
    if (this.#over) return;
    try {
      step();
    } catch (error) {
      this.drop(error);
    }
  }

  #end(code: number, error: unknown): void {
    if (this.#over) return;
    this.#over = true;
    this.listener.ended({ code, error });
  }
}
