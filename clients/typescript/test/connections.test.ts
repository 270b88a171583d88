import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";

import { Peer, Place, WELCOME, settled, until, watched } from "./fake.js";

let place: Place;
beforeEach(() => {
  place = new Place();
});
afterEach(() => place.leave());

describe("connections", () => {
  test("after a break a new session sends again what is not archived", async () => {
    const [money, peer] = await place.open();
    for (const amount of [1, 2, 3]) await money.earn("alice", amount);
    peer.ack(1);
    peer.ack(3, 1);
    peer.end(1006);
    await place.pass(1_000);
    const next = await place.peer(2);
    next.welcome([{ partition: 0, last: 2, archived: 1 }]);
    assert.deepEqual(next.published, ["2+2"]);
    const flushed = watched(money.flush());
    next.ack(3, 1);
    await until(() => flushed.state === "kept");
    assert.equal(money.sessions, 2);
    assert.match(String(place.troubles), /ended: 1006$/);
  });

  test("connections that fail are tried again ever more slowly", async () => {
    const connecting = watched(place.connect());
    const times: number[] = [];
    for (let number = 1; number <= 8; number++) {
      const peer = await place.peer(number);
      peer.onerror?.({ message: "refused" });
      peer.end(1006);
      await settled();
      const before = place.peers.length;
      let waited = 0;
      for (; place.peers.length === before; waited += 50) await place.pass(50);
      times.push(waited);
    }
    assert.deepEqual(times, [200, 400, 800, 1600, 2500, 2500, 2500, 2500]);
    assert.equal(place.troubles.length, 8);
    assert.equal(connecting.state, "pending");
  });

  test("connections that came to something are followed at once", async () => {
    const [money, peer] = await place.open();
    let next = peer;
    for (let number = 2; number <= 6; number++) {
      await money.earn("alice", 1);
      next.ack(number - 1, number - 1);
      next.end(1006);
      await place.pass(100);
      assert.equal(place.peers.length, number);
      next = await place.peer(number);
      next.welcome();
    }
  });

  test("a client may leave after goaway", async () => {
    const [money, peer] = await place.open();
    peer.say({ type: "goaway", reason: "stopping", retry_after_ms: 0 });
    const closing = watched(money.close());
    await until(() => peer.types.at(-1) === "bye");
    peer.end(1001);
    await until(() => closing.state === "kept");
  });

  test("after goaway nothing is sent, and the client comes back when it was told to", async () => {
    const [money, peer] = await place.open();
    peer.say({ type: "goaway", reason: "stopping", retry_after_ms: 3_000 });
    await money.earn("alice", 1);
    peer.end(1001);
    assert.deepEqual(peer.types, ["hello"]);
    await place.pass(3_000);
    assert.deepEqual([place.peers.length, place.troubles], [1, []]);
    await place.pass(1_000);
    const next = await place.peer(2);
    next.welcome();
    assert.deepEqual(next.published, ["1+1"]);
  });

  test("a broker that says goaway and stays is left", async () => {
    const [, peer] = await place.open();
    peer.say({ type: "goaway", reason: "stopping", retry_after_ms: 0 });
    await place.pass(29_000);
    assert.equal(peer.closed, undefined);
    await place.pass(2_000);
    assert.equal(peer.closed, 1000);
    await place.peer(2);
  });

  test("a broker that does not answer is left, one that has nothing to answer is not", async () => {
    const [money, peer] = await place.open();
    await place.pass(120_000);
    await money.earn("alice", 1);
    peer.ack(1, 1);
    await place.pass(120_000);
    assert.equal(peer.closed, undefined);
    await money.earn("alice", 2);
    await place.pass(31_000);
    assert.equal(peer.closed, 1000);
    await place.pass(1_000);
    (await place.peer(2)).welcome();
    assert.deepEqual(place.peers[1]?.published, ["2+1"]);
  });

  test("a broker that does not say welcome is left", async () => {
    watched(place.connect());
    const peer = await place.peer(1);
    peer.accept();
    await place.pass(12_000);
    assert.equal(peer.closed, 1000);
    await place.peer(2);
  });

  test("what stays unarchived is asked for, and sent again after a gap", async () => {
    const [money, peer] = await place.open();
    for (const amount of [1, 2]) await money.earn("alice", amount);
    peer.ack(1);
    peer.ack(2);
    await place.pass(16_000);
    assert.deepEqual(peer.published, ["1+1", "2+1", "2+1"]);
    peer.say({ type: "gap", partition: 0, last: 0 });
    assert.deepEqual(peer.published.slice(3), ["1+2"]);
  });

  test("a broker that breaks the protocol is told so, and left", async () => {
    const ack = { type: "ack", through: 1, durability: "memory", archived: 0 } as const;
    const faults: ((peer: Peer) => void)[] = [
      (peer) => peer.onmessage?.({ data: "no bytes" }),
      (peer) => peer.say(WELCOME),
      (peer) => peer.say({ ...ack, partition: 9 }),
    ];
    const connecting = place.connect();
    for (const [index, fault] of faults.entries()) {
      const peer = await place.peer(index + 1);
      peer.welcome();
      fault(peer);
      assert.equal(peer.closed, 4002);
      assert.equal(peer.onmessage?.({ data: "ignored" }), undefined);
      await place.pass(10_000);
    }
    await connecting;
    assert.equal(place.troubles.length, faults.length);
  });

  test("a broker that chose no subprotocol is left", async () => {
    watched(place.connect());
    const peer = await place.peer(1);
    peer.accept("");
    assert.equal(peer.closed, 4002);
    await settled();
    assert.match(String(place.troubles), /does not speak moneyboard.v1.msgpack/);
  });

  test("leaving waits no longer than ten seconds for the broker's close", async () => {
    const [money, peer] = await place.open();
    const closing = watched(money.close());
    await until(() => peer.types.at(-1) === "bye");
    await place.pass(11_000);
    assert.equal(closing.state, "kept");
    assert.equal(peer.closed, 1000);
  });
});

describe("tokens", () => {
  test("a fresh one is asked for each session, and before one expires", async () => {
    let made = 0;
    const claims = Buffer.from('{"exp":1700007200}').toString("base64url");
    const token = async (): Promise<string> => `h.${claims}.${++made}`;
    const [, peer] = await place.open(token);
    await place.pass(2_879_000);
    assert.deepEqual(peer.types, ["hello"]);
    await place.pass(2_000);
    assert.deepEqual(peer.sent.at(-1), { type: "renew", token: `h.${claims}.2` });
    await place.pass(3_400_000);
    assert.deepEqual(peer.types, ["hello", "renew"]);
    await place.pass(100_000);
    assert.deepEqual(peer.sent.at(-1), { type: "renew", token: `h.${claims}.3` });
    peer.end(1006);
    await place.pass(1_000);
    const next = await place.peer(2);
    next.accept();
    assert.equal((next.sent[0] as { token: string }).token, `h.${claims}.4`);
  });

  test("one that is no other is not sent again, nor asked for without end", async () => {
    let asked = 0;
    const exp = WELCOME.token_expires_at_ms / 1000;
    const jwt = `h.${Buffer.from(JSON.stringify({ exp })).toString("base64url")}.s`;
    const [, peer] = await place.open(() => {
      asked += 1;
      return jwt;
    });
    await place.pass(3_600_000);
    assert.deepEqual(peer.types, ["hello"]);
    assert.ok(asked > 1 && asked < 50, `asked ${asked} times`);
  });

  test("one that cannot be had is asked for again", async () => {
    let asked = 0;
    const connecting = place.connect(() => {
      asked += 1;
      if (asked < 3) throw new Error("no token now");
      return "token";
    });
    await place.pass(500);
    await place.pass(500);
    (await place.peer(1)).welcome();
    await connecting;
    assert.deepEqual(place.troubles.map(String), ["Error: no token now", "Error: no token now"]);
  });

  test("an expired one is fatal if it is the only one, and not if there are others", async () => {
    const expired = { type: "error", code: "token-expired", text: "" } as const;
    const [renewing, peer] = await place.open(() => "token");
    peer.say(expired);
    await place.pass(1_000);
    (await place.peer(2)).welcome();
    await renewing.flush();
    const only = watched(place.connect("token"));
    const third = await place.peer(3);
    third.accept();
    third.say(expired);
    await until(() => only.state === "SessionRefusedError: token-expired");
  });
});
