import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { LocalProtocolError, RemoteProtocolError } from "../dist/errors.js";
import type { BrokerMessage, ClientMessage } from "../dist/messages.js";
import { Session, TABLE, type State } from "../dist/session.js";
import { document, vectors } from "./documents.js";

interface Row {
  readonly state: State;
  readonly sender: "client" | "broker";
  readonly type: string;
  readonly after: State;
}

/** The table of docs/PROTOCOL.md, section 2. */
function specified(): Row[] {
  const [, behind = ""] = document("PROTOCOL.md").split("<!-- generated: states -->");
  const [table = ""] = behind.split("<!-- end -->");
  const rows = table.matchAll(/^\| (\w+) \| (client|broker) \| (\w+) \| (\w+) \|$/gm);
  return [...rows].map(([, state, sender, message, after]) => ({
    state: state as State,
    sender: sender as Row["sender"],
    type: (message ?? "").toLowerCase(),
    after: after as State,
  }));
}

/** What to send and receive to come to a state. */
const WAY: { readonly [S in State]: readonly string[] } = {
  greeting: [],
  welcoming: ["hello"],
  open: ["hello", "welcome"],
  draining: ["hello", "welcome", "goaway"],
  leaving: ["hello", "welcome", "bye"],
  closed: ["hello", "error"],
};

const golden = vectors().messages;

function step(session: Session, type: string): void {
  const found = golden.find(({ json }) => (json as { type: string }).type === type);
  assert.ok(found, `no golden ${type}`);
  if (found.sender === "client") session.send(found.json as ClientMessage);
  else session.receive(found.json as BrokerMessage);
}

function sessionIn(state: State): Session {
  const session = new Session();
  WAY[state].forEach((type) => step(session, type));
  assert.equal(session.state, state);
  return session;
}

describe("the session's table", () => {
  test("is the specification's", () => {
    const rows = specified();
    assert.ok(rows.length > 20);
    const found = (["client", "broker"] as const).flatMap((sender) =>
      Object.entries(TABLE[sender]).flatMap(([state, steps]) =>
        Object.entries(steps).map(([type, after]) => ({ state, sender, type, after })),
      ),
    );
    const sorted = (list: readonly object[]): string[] =>
      list.map((row) => JSON.stringify(row)).sort();
    assert.deepEqual(sorted(found), sorted(rows));
  });

  test("decides every message in every state, and what it refuses changes nothing", () => {
    const rows = specified();
    const senders = new Map(golden.map(({ sender, json }) => [(json as Row).type, sender]));
    for (const state of Object.keys(WAY) as State[]) {
      for (const [type, sender] of senders) {
        const session = sessionIn(state);
        const row = rows.find((each) => each.state === state && each.type === type);
        if (row === undefined) {
          const error = sender === "client" ? LocalProtocolError : RemoteProtocolError;
          assert.throws(() => step(session, type), error, `${type} when ${state}`);
        } else {
          step(session, type);
        }
        assert.equal(session.state, row?.after ?? state, `${type} when ${state}`);
      }
    }
  });
});
