import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { LocalProtocolError, RemoteProtocolError } from "../dist/errors.js";
import { sizeOf, type Earning } from "../dist/events.js";
import { Outbox, type Bounds } from "../dist/outbox.js";
import { Queue } from "../dist/queue.js";

const BOUNDS: Bounds = { window: 100, maxBatch: 3, batchBytes: 10_000 };

function earning(number: number): Earning {
  return [17, `player-${number}`, number, 0, ""];
}

/** An outbox of two lanes with so many events in the first. */
function outboxWith(count: number): Outbox {
  const outbox = new Outbox(2);
  for (let number = 1; number <= count; number++) outbox.add(0, earning(number));
  return outbox;
}

/** All that may be sent now, as "first+count" of each Publish. */
function sent(outbox: Outbox, bounds = BOUNDS): string[] {
  const found: string[] = [];
  for (let next = outbox.next(bounds); next; next = outbox.next(bounds)) {
    next.events.forEach((event, index) => assert.equal(event[2], next.first + index));
    found.push(`${next.first}+${next.events.length}`);
  }
  return found;
}

describe("sending", () => {
  test("a lane is numbered from 1 and sent in order, in batches", () => {
    assert.deepEqual(sent(outboxWith(9)), ["1+3", "4+3", "7+3"]);
  });

  test("what fills no batch waits for an answer, or until enough is gathered", () => {
    const outbox = outboxWith(4);
    assert.deepEqual(sent(outbox), ["1+3"]);
    outbox.acked(0, 3, 0);
    assert.deepEqual(sent(outbox), ["4+1"]);
    outbox.add(0, earning(5));
    assert.equal(outbox.next(BOUNDS), undefined);
    assert.ok(outbox.unsent);
    assert.equal(outbox.next(BOUNDS, true)?.first, 5);
    assert.ok(!outbox.unsent);
  });

  test("the fullest lane goes first, and each lane has its own numbers", () => {
    const outbox = outboxWith(2);
    [1, 2, 3].forEach((number) => outbox.add(1, earning(number)));
    assert.deepEqual(
      [outbox.next(BOUNDS), outbox.next(BOUNDS)].map((each) => [each?.partition, each?.first]),
      [[1, 1], [0, 1]],
    );
  });

  test("never more than the window is unanswered", () => {
    const outbox = outboxWith(9);
    assert.deepEqual(sent(outbox, { ...BOUNDS, window: 4 }), ["1+3", "4+1"]);
    assert.equal(outbox.unanswered, 4);
    outbox.acked(0, 2, 0);
    assert.deepEqual(sent(outbox, { ...BOUNDS, window: 4 }), ["5+2"]);
  });

  test("a batch fits into a message, but for one event alone", () => {
    const outbox = outboxWith(3);
    assert.deepEqual(sent(outbox, { ...BOUNDS, batchBytes: 2 * sizeOf(earning(1)) }), ["1+2"]);
    outbox.acked(0, 2, 0);
    assert.deepEqual(sent(outbox, { ...BOUNDS, batchBytes: 1 }), ["3+1"]);
  });
});

describe("keeping", () => {
  test("an ack alone drops nothing; what is archived is dropped", () => {
    const outbox = outboxWith(3);
    sent(outbox);
    assert.ok(outbox.acked(0, 3, 0));
    assert.deepEqual([outbox.unacked, outbox.unarchived], [0, 3]);
    assert.ok(outbox.acked(0, 3, 2));
    assert.deepEqual([outbox.unacked, outbox.unarchived], [0, 1]);
  });

  test("an ack that repeats or falls behind is no news", () => {
    const outbox = outboxWith(3);
    sent(outbox);
    outbox.acked(0, 3, 1);
    assert.equal(outbox.acked(0, 3, 1), false);
    assert.equal(outbox.acked(0, 1, 0), false);
    assert.deepEqual([outbox.unacked, outbox.unarchived], [0, 2]);
  });

  test("an ack beyond what was sent is taken for all of it", () => {
    const outbox = outboxWith(2);
    outbox.acked(0, 1_000_000, 1_000_000);
    assert.deepEqual([outbox.unacked, outbox.unarchived, outbox.add(0, earning(3))], [0, 0, 3]);
  });

  test("a new session sends again from the first unarchived event", () => {
    const outbox = outboxWith(3);
    sent(outbox);
    outbox.acked(0, 3, 0);
    outbox.welcome(2, [{ partition: 0, last: 3, archived: 1 }]);
    assert.equal(outbox.unacked, 2);
    assert.deepEqual(sent(outbox), ["2+2"]);
  });

  test("a gap sends again from the first unarchived event, a batch at a time until an ack", () => {
    const outbox = outboxWith(9);
    sent(outbox);
    outbox.acked(0, 9, 1);
    outbox.gap(0);
    assert.deepEqual(sent(outbox), ["2+3"]);
    outbox.gap(0);
    assert.deepEqual(sent(outbox), ["2+3"]);
    outbox.acked(0, 4, 1);
    assert.deepEqual(sent(outbox), ["5+3"]);
    outbox.acked(0, 5, 1);
    assert.deepEqual(sent(outbox), []);
    outbox.acked(0, 7, 1);
    assert.deepEqual(sent(outbox), ["8+2"]);
  });

  test("a probe asks for the last acked event that is not archived", () => {
    const outbox = outboxWith(3);
    assert.deepEqual(outbox.probes(), []);
    sent(outbox);
    outbox.acked(0, 3, 1);
    assert.deepEqual(outbox.probes(), [
      { type: "publish", partition: 0, first: 3, events: [earning(3)] },
    ]);
    outbox.acked(0, 3, 3);
    assert.deepEqual(outbox.probes(), []);
  });

  test("a refusal names its event, once", () => {
    const outbox = outboxWith(3);
    sent(outbox);
    outbox.acked(0, 1, 1);
    assert.deepEqual(outbox.refused(0, 2), earning(2));
    assert.equal(outbox.refused(0, 2), undefined);
    assert.equal(outbox.refused(0, 1), undefined);
    assert.equal(outbox.refused(0, 4), undefined);
  });

  test("a mark is reached when all before it is, and not undone by what comes after", () => {
    const outbox = outboxWith(2);
    const mark = outbox.mark();
    outbox.add(0, earning(3));
    assert.equal(outbox.has(mark, "acked"), false);
    outbox.acked(0, 2, 1);
    assert.deepEqual([outbox.has(mark, "acked"), outbox.has(mark, "archived")], [true, false]);
    outbox.acked(0, 2, 2);
    assert.ok(outbox.has(mark, "archived"));
  });
});

describe("replaying", () => {
  test("what the archive has is not kept, what the log has is sent and acked again", () => {
    const outbox = new Outbox(1, true);
    outbox.welcome(1, [{ partition: 0, last: 4, archived: 2 }]);
    [1, 2, 3, 4, 5].forEach((number) => outbox.add(0, earning(number)));
    assert.deepEqual([outbox.unacked, outbox.unarchived], [3, 3]);
    assert.deepEqual(sent(outbox), ["3+3"]);
    outbox.acked(0, 4, 2);
    assert.deepEqual([outbox.unacked, outbox.unarchived], [1, 3]);
  });

  test("what is archived while events are still to come is not kept either", () => {
    const outbox = new Outbox(1, true);
    outbox.welcome(1, [{ partition: 0, last: 4, archived: 0 }]);
    outbox.add(0, earning(1));
    outbox.welcome(1, [{ partition: 0, last: 4, archived: 3 }]);
    [2, 3, 4].forEach((number) => outbox.add(0, earning(number)));
    assert.equal(outbox.unarchived, 1);
    assert.deepEqual(sent(outbox), ["4+1"]);
  });
});

describe("a broker that cannot be right", () => {
  test("other partitions than before", () => {
    assert.throws(() => outboxWith(1).welcome(4, []), LocalProtocolError);
  });

  test("events that this outbox never had", () => {
    const lanes = [{ partition: 0, last: 2, archived: 0 }];
    assert.throws(() => outboxWith(1).welcome(2, lanes), LocalProtocolError);
  });

  test("a partition that there is not", () => {
    assert.throws(() => outboxWith(1).acked(2, 1, 1), RemoteProtocolError);
  });
});

test("a queue gives what it was given, through all its moves", () => {
  const queue = new Queue<number>();
  let given = 0;
  let taken = 0;
  for (let round = 1; round < 200; round++) {
    for (let each = 0; each < round % 7; each++) queue.push(given++);
    for (let each = 0; each < round % 5 && queue.length > 0; each++) {
      assert.equal(queue.at(0), taken);
      assert.equal(queue.shift(), taken++);
    }
    assert.equal(queue.length, given - taken);
    assert.equal(queue.at(queue.length - 1), queue.length > 0 ? given - 1 : undefined);
  }
  assert.ok(taken > 200);
});
