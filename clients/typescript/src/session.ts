/**
 * The session's states: one literal table, obeyed by both peers. Pure.
 *
 * What the table does not allow is an error: of this side when it tries to send, of the peer when
 * it was received.
 */

import { LocalProtocolError, RemoteProtocolError } from "./errors.js";
import type { BrokerMessage, ClientMessage, Message } from "./messages.js";

export type Role = "client" | "broker";
export type State = "greeting" | "welcoming" | "open" | "draining" | "leaving" | "closed";

type Steps<M extends Message> = { readonly [T in M["type"]]?: State };

/** Sender, state and message to the state after it. What is missing is not allowed. */
export const TABLE: {
  readonly client: { readonly [S in State]: Steps<ClientMessage> };
  readonly broker: { readonly [S in State]: Steps<BrokerMessage> };
} = {
  client: {
    greeting: { hello: "welcoming" },
    welcoming: {},
    open: { publish: "open", renew: "open", bye: "leaving" },
    draining: { publish: "draining", renew: "draining", bye: "leaving" },
    leaving: {},
    closed: {},
  },
  broker: {
    greeting: { error: "closed" },
    welcoming: { welcome: "open", error: "closed" },
    open: { ack: "open", refused: "open", gap: "open", goaway: "draining", error: "closed" },
    draining: { ack: "draining", refused: "draining", gap: "draining", error: "closed" },
    leaving: {
      ack: "leaving",
      refused: "leaving",
      gap: "leaving",
      goaway: "leaving",
      error: "closed",
    },
    closed: {},
  },
};

/** The client's view of one session. */
export class Session {
  #state: State = "greeting";

  get state(): State {
    return this.#state;
  }

  /**
   * Note that this side sends a message.
   *
   * @throws LocalProtocolError the state does not allow it; the state is unchanged.
   */
  send(message: ClientMessage): void {
    const after = TABLE.client[this.#state][message.type];
    if (after === undefined) {
      throw new LocalProtocolError(`a client may not send ${message.type} when ${this.#state}`);
    }
    this.#state = after;
  }

  /**
   * Note that the broker sent a message.
   *
   * @throws RemoteProtocolError `unexpected-message`; the state is unchanged.
   */
  receive(message: BrokerMessage): void {
    const after = TABLE.broker[this.#state][message.type];
    if (after === undefined) {
      throw new RemoteProtocolError(
        "unexpected-message",
        `${message.type} is not allowed when ${this.#state}`,
      );
    }
    this.#state = after;
  }
}
