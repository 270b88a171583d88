/** A broker that a test plays, and a time that it turns. */

import assert from "node:assert/strict";
import { mock } from "node:test";

import { connect, type MoneyClient, type Options } from "../dist/index.js";
import type { Socket } from "../dist/connection.js";
import type { Token } from "../dist/held.js";
import {
  decodeClientMessage,
  encode,
  type BrokerMessage,
  type ClientMessage,
  type Lane,
  type Subprotocol,
  type Welcome,
} from "../dist/messages.js";

export const PRODUCER = "01890a5d-ac96-774b-bcce-b302099a8057";

export const WELCOME: Welcome = {
  type: "welcome",
  session: "1",
  partitions: 1,
  hash: "crc32",
  lanes: [],
  window: 100,
  max_batch: 10,
  durability: "memory",
  token_expires_at_ms: 1_700_003_600_000,
  time_ms: 1_700_000_000_000,
  max_message: 65_536,
};

/** One connection, seen from the broker. */
export class Peer implements Socket {
  binaryType = "";
  protocol = "";
  onopen: ((event: any) => void) | null = null;
  onmessage: ((event: any) => void) | null = null;
  onclose: ((event: any) => void) | null = null;
  onerror: ((event: any) => void) | null = null;
  readonly sent: ClientMessage[] = [];
  /** The code that the client closed with. */
  closed: number | undefined;

  constructor(
    readonly url: string,
    readonly offered: readonly string[],
  ) {}

  send(data: string | Uint8Array<ArrayBuffer>): void {
    this.sent.push(decodeClientMessage(data, this.protocol as Subprotocol));
  }

  close(code = 1005): void {
    this.closed ??= code;
  }

  accept(protocol = this.offered[0] ?? ""): void {
    this.protocol = protocol;
    this.onopen?.({});
  }

  say(...messages: readonly BrokerMessage[]): void {
    for (const message of messages) {
      const data = encode(message, this.protocol as Subprotocol);
      this.onmessage?.({ data: typeof data === "string" ? data : data.buffer });
    }
  }

  ack(through: number, archived = 0): void {
    this.say({ type: "ack", partition: 0, through, durability: "memory", archived });
  }

  welcome(lanes: readonly Lane[] = [], changes: Partial<Welcome> = {}): void {
    this.accept();
    this.say({ ...WELCOME, lanes, ...changes });
  }

  end(code: number): void {
    this.onclose?.({ code });
  }

  /** The first seqs and counts of all Publishes, as "first+count". */
  get published(): string[] {
    return this.sent.flatMap((each) =>
      each.type === "publish" ? [`${each.first}+${each.events.length}`] : [],
    );
  }

  get types(): string[] {
    return this.sent.map(({ type }) => type);
  }
}

type Changes = Omit<Options, "producer"> & { readonly producer?: string | undefined };

/** Where a client connects to in a test. Timers and chance are the test's from here on. */
export class Place {
  readonly peers: Peer[] = [];
  readonly troubles: unknown[] = [];
  #now = 0;

  constructor() {
    mock.timers.enable({ apis: ["setTimeout", "setInterval"] });
    mock.method(performance, "now", () => this.#now);
    mock.method(Math, "random", () => 0);
  }

  connect(token: Token = "token", options: Changes = {}): Promise<MoneyClient> {
    const { peers } = this;
    class Connecting extends Peer {
      constructor(url: string, protocols: string[]) {
        super(url, protocols);
        peers.push(this);
      }
    }
    const { producer, ...others } = { producer: PRODUCER, ...options };
    return connect("ws://broker", token, {
      WebSocket: Connecting,
      onTrouble: (error) => this.troubles.push(error),
      ...(producer === undefined ? {} : { producer }),
      ...others,
    });
  }

  /** A client in its first session, and the broker's end of it. */
  async open(token: Token = "token", options: Changes = {}): Promise<[MoneyClient, Peer]> {
    const connecting = this.connect(token, options);
    const peer = await this.peer(1);
    peer.welcome();
    return [await connecting, peer];
  }

  /** The connection of a number, from 1, when the client has made it. */
  async peer(number: number): Promise<Peer> {
    await until(() => this.peers.length >= number);
    return this.peers[number - 1] as Peer;
  }

  /** Let time pass, a second or less at a time, so that whatever is due in it happens in order. */
  async pass(ms: number): Promise<void> {
    await settled();
    for (let left = ms; left > 0; left -= 1_000) {
      const step = Math.min(left, 1_000);
      this.#now += step;
      mock.timers.tick(step);
      await settled();
    }
  }

  leave(): void {
    mock.timers.reset();
    mock.restoreAll();
  }
}

/** Nothing waits but for the broker or for time. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}

export async function until(holds: () => boolean): Promise<void> {
  for (let turn = 0; turn < 1_000 && !holds(); turn++) {
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.ok(holds(), `never: ${holds}`);
}

/** Whether a promise is settled yet. */
export function watched(promise: Promise<unknown>): { readonly state: string } {
  const found = { state: "pending" };
  promise.then(
    () => (found.state = "kept"),
    (error: unknown) => (found.state = String(error)),
  );
  return found;
}
