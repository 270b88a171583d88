import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";

import {
  ClosedError,
  LocalProtocolError,
  SUBPROTOCOL_JSON,
  SessionRefusedError,
  connect,
  type Earning,
} from "../dist/index.js";
import { PRODUCER, Peer, Place, settled, until, watched } from "./fake.js";

let place: Place;
beforeEach(() => {
  place = new Place();
});
afterEach(() => place.leave());

function refusedWith(code: string): (error: unknown) => boolean {
  return (error) => error instanceof SessionRefusedError && error.code === code;
}

describe("delivery", () => {
  test("hello, earnings, acks, bye", async () => {
    const [money, peer] = await place.open("the-token", { client: "game", version: "7" });
    assert.deepEqual(peer.sent, [
      { type: "hello", token: "the-token", producer: PRODUCER, client: "game", version: "7" },
    ]);
    await money.earn("alice", 250, { reference: "match-77", earnedAtMs: 5 });
    assert.deepEqual(peer.sent[1], {
      type: "publish",
      partition: 0,
      first: 1,
      events: [[17, "alice", 250, 5, "match-77"]],
    });
    const closing = watched(money.close());
    await settled();
    assert.deepEqual([closing.state, peer.types.at(-1)], ["pending", "publish"]);
    await assert.rejects(money.earn("alice", 1), /closing/);
    peer.ack(1);
    await until(() => peer.types.at(-1) === "bye");
    peer.end(1000);
    await until(() => closing.state === "kept");
    await assert.rejects(money.earn("alice", 1), ClosedError);
    assert.equal(place.peers.length, 1);
  });

  test("the same in JSON", async () => {
    const [money, peer] = await place.open("token", { subprotocol: SUBPROTOCOL_JSON });
    assert.deepEqual(peer.offered, [SUBPROTOCOL_JSON]);
    await money.reverse("alice", 250, { reason: "cheated", reversedAtMs: 5 });
    assert.deepEqual(peer.sent[1], {
      type: "publish",
      partition: 0,
      first: 1,
      events: [[33, "alice", 250, 5, "", "cheated"]],
    });
  });

  test("events that follow one another go out together, in a moment, without any answer", async () => {
    const [money, peer] = await place.open();
    for (const amount of [1, 2, 3]) await money.earn("alice", amount);
    assert.deepEqual(peer.published, ["1+1"]);
    await place.pass(5);
    assert.deepEqual(peer.published, ["1+1", "2+2"]);
  });

  test("flush waits for the log, archived for the archive, of what was given before", async () => {
    const [money, peer] = await place.open();
    await money.earn("alice", 1);
    const flushed = watched(money.flush());
    const archived = watched(money.archived());
    await money.earn("alice", 2);
    peer.ack(1);
    await until(() => flushed.state === "kept");
    assert.equal(archived.state, "pending");
    peer.ack(1, 1);
    await until(() => archived.state === "kept");
    assert.deepEqual([money.unacked, money.unarchived], [1, 1]);
  });

  test("past the bound earnings wait for the archive, in order", async () => {
    const [money, peer] = await place.open("token", { unarchivedMax: 2 });
    const earnings = [1, 2, 3, 4].map((amount) => watched(money.earn("alice", amount)));
    const flushed = watched(money.flush());
    await settled();
    assert.deepEqual(earnings.map(({ state }) => state), ["kept", "kept", "pending", "pending"]);
    peer.ack(1, 0);
    peer.ack(2, 0);
    await settled();
    assert.equal(earnings[2]?.state, "pending");
    peer.ack(2, 1);
    await until(() => earnings[2]?.state === "kept");
    assert.equal(earnings[3]?.state, "pending");
    peer.ack(3, 3);
    await until(() => earnings[3]?.state === "kept");
    assert.equal(flushed.state, "pending");
    peer.ack(4, 3);
    await until(() => flushed.state === "kept");
    const events = peer.sent.flatMap((each) => (each.type === "publish" ? each.events : []));
    assert.deepEqual(events.map(([, , amount]) => amount), [1, 2, 3, 4]);
  });

  test("a refused earning is told with its event, once", async () => {
    const told: [Earning, string][] = [];
    const onRefused = (event: Earning, { code }: { code: string }): unknown =>
      told.push([event, code]);
    const [money, peer] = await place.open("token", { onRefused });
    await money.earn("ghost", 1, { earnedAtMs: 5 });
    const answer = { partition: 0, seq: 1, code: "player-unknown", text: "" };
    peer.say({ type: "refused", ...answer }, { type: "refused", ...answer });
    await settled();
    assert.deepEqual(told, [[[17, "ghost", 1, 5, ""], "player-unknown"]]);
    assert.equal(money.refused, 1);
  });

  test("what cannot be sent is refused at once and leaves the session alone", async () => {
    const [money, peer] = await place.open();
    for (const amount of [1.5, NaN, 2 ** 53]) {
      await assert.rejects(money.earn("alice", amount), LocalProtocolError);
    }
    await assert.rejects(money.earn("half \ud83c", 1), LocalProtocolError);
    const reference = "x".repeat(70_000);
    await assert.rejects(money.earn("alice", 1, { reference }), LocalProtocolError);
    assert.deepEqual(peer.types, ["hello"]);
  });
});

describe("the end", () => {
  test("a refusal of the producer fails every call from then on", async () => {
    const [money, peer] = await place.open("token", { unarchivedMax: 1 });
    await money.earn("alice", 1);
    const calls = [money.earn("alice", 2), money.flush(), money.archived()];
    const outcomes = calls.map((call) => assert.rejects(call, refusedWith("producer-foreign")));
    peer.say({ type: "error", code: "producer-foreign", text: "another's" });
    await Promise.all(outcomes);
    for (const call of [() => money.earn("alice", 3), () => money.flush(), () => money.close()]) {
      await assert.rejects(call, refusedWith("producer-foreign"));
    }
    await place.pass(60_000);
    assert.equal(place.peers.length, 1);
  });

  test("errors that pass and come again and again are no reason to hurry", async () => {
    const [money, peer] = await place.open();
    let next = peer;
    for (let number = 2; number <= 5; number++) {
      await money.earn("alice", 1);
      next.ack(number - 1);
      next.say({ type: "error", code: "unavailable", text: "" });
      await place.pass(100 * 2 ** (number - 1) - 50);
      assert.equal(place.peers.length, number - 1);
      await place.pass(100);
      next = await place.peer(number);
      next.welcome();
    }
  });

  test("errors that pass lead to a new session", async () => {
    const connecting = place.connect();
    const codes = ["unavailable", "restored", "timeout", "window-exceeded"];
    for (const [index, code] of codes.entries()) {
      const peer = await place.peer(index + 1);
      peer.welcome();
      peer.say({ type: "error", code, text: "" });
      await place.pass(10_000);
    }
    (await place.peer(5)).welcome();
    await (await connecting).flush();
  });

  test("a message that the broker finds too big is not sent for ever", async () => {
    const [money, peer] = await place.open();
    await money.earn("alice", 1);
    peer.end(1009);
    await assert.rejects(money.flush(), refusedWith("too-large"));
  });

  test("a new producer id of which the broker knows events is not used", async () => {
    const connecting = place.connect("token", { producer: undefined });
    const outcome = assert.rejects(connecting, LocalProtocolError);
    (await place.peer(1)).welcome([{ partition: 0, last: 1, archived: 1 }]);
    await outcome;
  });

  test("a producer id that is given again is for the same events again", async () => {
    const connecting = place.connect("token", { producer: PRODUCER });
    const peer = await place.peer(1);
    peer.welcome([{ partition: 0, last: 2, archived: 1 }]);
    const money = await connecting;
    for (const amount of [1, 2]) await money.earn("alice", amount);
    assert.deepEqual(peer.published, ["2+1"]);
    assert.deepEqual([money.unacked, money.unarchived], [1, 1]);
  });

  test("a hash that this client does not know is no way to place players", async () => {
    const connecting = assert.rejects(place.connect(), LocalProtocolError);
    (await place.peer(1)).welcome([], { hash: "xxh3" });
    await connecting;
  });

  test("an abandoned client fails what waits and connects no more", async () => {
    const [money, peer] = await place.open();
    await money.earn("alice", 1);
    const flushing = assert.rejects(money.flush(), ClosedError);
    money.abandon();
    await flushing;
    peer.say({ type: "refused", partition: 0, seq: 1, code: "scope", text: "" });
    await place.pass(60_000);
    assert.deepEqual([peer.closed, place.peers.length, money.refused], [1000, 1, 0]);
  });

  test("a connecting client can be called off, whatever it waits for", async () => {
    let tell = (_token: string): void => undefined;
    for (const token of ["token", () => new Promise<string>((resolve) => (tell = resolve))]) {
      const controller = new AbortController();
      const connecting = place.connect(token, { signal: controller.signal });
      const outcome = assert.rejects(connecting, { name: "AbortError" });
      await settled();
      controller.abort();
      await outcome;
    }
    tell("too late");
    await place.pass(60_000);
    assert.equal(place.peers.length, 1);
  });

  test("arguments that cannot be right are refused", async () => {
    await assert.rejects(place.connect("token", { producer: "me" }), LocalProtocolError);
    for (const url of ["http://broker", "broker", ""]) {
      await assert.rejects(connect(url, "token", { WebSocket: Peer }), LocalProtocolError);
    }
  });
});
