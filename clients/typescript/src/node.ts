/**
 * The client of moneyboard for Node, also for Node 20, which has no WebSocket of its own: there the
 * package `ws` opens them.
 */

import { connect as connectWith, type MoneyClient, type Options, type Token } from "./index.js";
import type { SocketConstructor } from "./connection.js";

export * from "./index.js";

/** As `connect` of `moneyboard`. */
export async function connect(
  url: string,
  token: Token,
  options: Options = {},
): Promise<MoneyClient> {
  const WebSocket = options.WebSocket ?? globalThis.WebSocket ?? (await packaged());
  return connectWith(url, token, { ...options, WebSocket });
}

async function packaged(): Promise<SocketConstructor> {
  const { WebSocket } = await import("ws");
  return class extends WebSocket {
    constructor(url: string, protocols: string[]) {
      super(url, protocols, { perMessageDeflate: false });
    }
  };
}
