/**
 * The outbox: what a producer has to deliver, by lane. Pure: no I/O, no time.
 *
 * Laws:
 *
 * - Events of a lane are numbered 1, 2, 3 … and kept until they are *archived*; an Ack alone, which
 *   a failover may undo, drops nothing.
 * - After a new session or a Gap a lane is sent again from its first unarchived event; what the log
 *   has already is acked as a duplicate.
 * - A lane sends a batch when it is full, when nothing of the lane is unanswered, or when it is told
 *   to gather no longer: a lone event goes at once, and batches grow with the rate.
 * - After a Gap a lane sends one batch at a time until one is acked. More Gaps may be under way,
 *   one for each batch sent before; each costs one batch then, not a window.
 */

import { LocalProtocolError, RemoteProtocolError } from "./errors.js";
import { sizeOf, type Earning } from "./events.js";
import type { Lane as KnownLane, Publish } from "./messages.js";
import { Queue } from "./queue.js";

interface Kept {
  readonly event: Earning;
  readonly bytes: number;
  refused: boolean;
}

/** Seqs: archived <= acked <= sent <= last; kept are archived + 1 to last. */
class Lane {
  readonly kept = new Queue<Kept>();
  archived = 0;
  acked = 0;
  sent = 0;
  careful = false;
  /** What the archive held of the lane before this outbox was made. */
  before = 0;

  get last(): number {
    return this.archived + this.kept.length;
  }

  get unsent(): number {
    return this.last - this.sent;
  }

  get unanswered(): number {
    return this.sent - this.acked;
  }

  /** Forget events up to a seq that the archive holds. */
  drop(archived: number): void {
    const until = Math.min(archived, this.last);
    while (this.archived < until) {
      this.kept.shift();
      this.archived += 1;
    }
    this.acked = Math.max(this.acked, this.archived);
    this.sent = Math.max(this.sent, this.acked);
  }

  rewind(): void {
    this.sent = this.acked = this.archived;
  }
}

/** What bounds one Publish and what is unanswered: as Welcome tells, and in bytes. */
export interface Bounds {
  readonly window: number;
  readonly maxBatch: number;
  readonly batchBytes: number;
}

/** The last seq of each lane at some moment, to wait for. */
export type Mark = readonly number[];

export class Outbox {
  readonly #lanes: readonly Lane[];

  /**
   * @param partitions P, as the first Welcome told.
   * @param replays whether the same events were given before, under the same producer id.
   */
  constructor(
    partitions: number,
    readonly replays = false,
  ) {
    this.#lanes = Array.from({ length: partitions }, () => new Lane());
  }

  get partitions(): number {
    return this.#lanes.length;
  }

  /** How many events are kept. */
  get unarchived(): number {
    return this.#sum((lane) => lane.kept.length);
  }

  /** How many events are not known to be in the log. */
  get unacked(): number {
    return this.#sum((lane) => lane.last - lane.acked);
  }

  /** How many events were sent in this session and not yet answered. */
  get unanswered(): number {
    return this.#sum((lane) => lane.unanswered);
  }

  /** Take an event; return its seq. One that the archive holds already is not kept. */
  add(partition: number, event: Earning): number {
    const lane = this.#lane(partition);
    if (lane.last < lane.before) {
      lane.archived += 1;
      lane.drop(lane.archived);
      return lane.archived;
    }
    lane.kept.push({ event, bytes: sizeOf(event), refused: false });
    return lane.last;
  }

  /**
   * Begin a session: drop what is archived, send all else again.
   *
   * @throws LocalProtocolError the broker has other partitions than before, or knows events that
   * this outbox, which replays none, never numbered: their numbers would be used twice.
   */
  welcome(partitions: number, lanes: readonly KnownLane[]): void {
    if (partitions !== this.partitions) {
      throw new LocalProtocolError(`the broker has ${partitions} partitions, not as before`);
    }
    for (const known of lanes) {
      const lane = this.#lane(known.partition);
      if (known.last > lane.last && !this.replays) {
        throw new LocalProtocolError("this producer id is, or was, another outbox's");
      }
      lane.before = known.archived;
      lane.drop(known.archived);
    }
    for (const lane of this.#lanes) {
      lane.rewind();
      lane.careful = false;
    }
  }

  /** Note an Ack; tell whether it was news. */
  acked(partition: number, through: number, archived: number): boolean {
    const lane = this.#lane(partition);
    const before = lane.acked + lane.archived;
    lane.acked = Math.max(lane.acked, Math.min(through, lane.last));
    lane.sent = Math.max(lane.sent, lane.acked);
    lane.drop(archived);
    const moved = lane.acked + lane.archived > before;
    lane.careful &&= !moved;
    return moved;
  }

  /** Note a Gap: send the lane again from its first unarchived event. */
  gap(partition: number): void {
    const lane = this.#lane(partition);
    lane.rewind();
    lane.careful = true;
  }

  /** Note a Refused; return the event when this is the first that is heard of it. */
  refused(partition: number, seq: number): Earning | undefined {
    const lane = this.#lane(partition);
    const kept = lane.kept.at(seq - lane.archived - 1);
    if (kept === undefined || kept.refused) return undefined;
    kept.refused = true;
    return kept.event;
  }

  /** Whether there are events to send, now or when more gathered. */
  get unsent(): boolean {
    return this.#lanes.some((lane) => lane.unsent > 0);
  }

  /**
   * Take the next Publish to send; undefined when there is none now. The lane with the most unsent
   * events goes first.
   *
   * @param gathered whether batches need not be full.
   */
  next(bounds: Bounds, gathered = false): Publish | undefined {
    const room = bounds.window - this.unanswered;
    let chosen = -1;
    let most = 0;
    this.#lanes.forEach((lane, partition) => {
      if (lane.unsent > most && isReady(lane, gathered ? 1 : bounds.maxBatch)) {
        chosen = partition;
        most = lane.unsent;
      }
    });
    if (chosen < 0 || room <= 0) return undefined;
    return this.#publish(chosen, Math.min(room, bounds.maxBatch), bounds.batchBytes);
  }

  /**
   * Return, for each lane with acked events that are not archived, a Publish of the last acked one.
   * The log answers with Ack if it still has it, with Gap if a failover took it away; a client that
   * has nothing else to send would not learn of that.
   */
  probes(): Publish[] {
    return this.#lanes.flatMap((lane, partition): Publish[] => {
      const kept = lane.kept.at(lane.acked - lane.archived - 1);
      if (kept === undefined) return [];
      return [{ type: "publish", partition, first: lane.acked, events: [kept.event] }];
    });
  }

  /** Return the last seq of each lane, to ask `has` for later. */
  mark(): Mark {
    return this.#lanes.map((lane) => lane.last);
  }

  /** Tell whether every event up to a mark is acked or archived. */
  has(mark: Mark, watermark: "acked" | "archived"): boolean {
    return this.#lanes.every((lane, partition) => lane[watermark] >= (mark[partition] ?? 0));
  }

  #publish(partition: number, most: number, bytesMax: number): Publish {
    const lane = this.#lane(partition);
    const first = lane.sent + 1;
    const events: Earning[] = [];
    let bytes = 0;
    while (events.length < most) {
      const kept = lane.kept.at(lane.sent - lane.archived);
      if (kept === undefined || (events.length > 0 && bytes + kept.bytes > bytesMax)) break;
      events.push(kept.event);
      bytes += kept.bytes;
      lane.sent += 1;
    }
    return { type: "publish", partition, first, events };
  }

  #lane(partition: number): Lane {
    const lane = this.#lanes[partition];
    if (lane === undefined) {
      throw new RemoteProtocolError("malformed", `there is no partition ${partition}`);
    }
    return lane;
  }

  #sum(of: (lane: Lane) => number): number {
    return this.#lanes.reduce((sum, lane) => sum + of(lane), 0);
  }
}

function isReady(lane: Lane, enough: number): boolean {
  return lane.unanswered === 0 || (!lane.careful && lane.unsent >= enough);
}
