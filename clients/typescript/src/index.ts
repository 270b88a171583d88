/** The client of moneyboard, for browsers and for Node from 22 on; see also `moneyboard/node`. */

export { connect, MoneyClient, VERSION, type Options } from "./client.js";
export type { Socket, SocketConstructor } from "./connection.js";
export {
  ClosedError,
  LocalProtocolError,
  MoneyboardError,
  RemoteProtocolError,
  SessionRefusedError,
} from "./errors.js";
export type { Earning, EarningReversed, MoneyEarned } from "./events.js";
export type { Token } from "./held.js";
export {
  SUBPROTOCOL_JSON,
  SUBPROTOCOL_MSGPACK,
  type Refused,
  type Subprotocol,
} from "./messages.js";
