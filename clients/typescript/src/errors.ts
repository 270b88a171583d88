/**
 * The one tree of errors.
 *
 *     MoneyboardError
 *     ├── LocalProtocolError    this side misused a session, or asks for what cannot be sent
 *     ├── RemoteProtocolError   the broker broke the protocol
 *     ├── SessionRefusedError   the broker refuses this producer; `code` says why
 *     └── ClosedError           the client was closed or abandoned
 *
 * A refused earning is no error but an answer: see `onRefused` of `connect`.
 */

export class MoneyboardError extends Error {
  override name = "MoneyboardError";
}

/** This side tried what the protocol forbids. Nothing was sent. */
export class LocalProtocolError extends MoneyboardError {
  override name = "LocalProtocolError";
}

/** The broker did what the protocol forbids. `code` names the fault in the protocol's words. */
export class RemoteProtocolError extends MoneyboardError {
  override name = "RemoteProtocolError";

  constructor(
    readonly code: "malformed" | "unexpected-message" | "too-large",
    text: string,
  ) {
    super(`${code}: ${text}`);
  }
}

/** The broker refuses this producer's sessions for a reason that a new session would not mend. */
export class SessionRefusedError extends MoneyboardError {
  override name = "SessionRefusedError";

  constructor(
    readonly code: string,
    readonly text: string,
  ) {
    super(text === "" ? code : `${code}: ${text}`);
  }
}

/** The client was closed or abandoned. */
export class ClosedError extends MoneyboardError {
  override name = "ClosedError";
}
