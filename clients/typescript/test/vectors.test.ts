import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { RemoteProtocolError } from "../dist/errors.js";
import { EARNING_REVERSED, MONEY_EARNED } from "../dist/events.js";
import {
  SUBPROTOCOL_JSON,
  SUBPROTOCOL_MSGPACK,
  decodeBrokerMessage,
  decodeClientMessage,
  encode,
  type Message,
} from "../dist/messages.js";
import { partitionOf } from "../dist/partition.js";
import { bytes, vectors } from "./documents.js";

const { messages, events, bad, partitions } = vectors();
const decoders = { client: decodeClientMessage, broker: decodeBrokerMessage };

describe("every golden message", () => {
  for (const { name, sender, json, json_text, msgpack_hex } of messages) {
    test(`${name}: its text and its bytes decode to it`, () => {
      assert.deepEqual(decoders[sender](json_text, SUBPROTOCOL_JSON), json);
      assert.deepEqual(decoders[sender](bytes(msgpack_hex), SUBPROTOCOL_MSGPACK), json);
    });
    test(`${name}: it encodes to the same text and bytes`, () => {
      assert.equal(encode(json as Message, SUBPROTOCOL_JSON), json_text);
      assert.deepEqual(encode(json as Message, SUBPROTOCOL_MSGPACK), bytes(msgpack_hex));
    });
  }
});

describe("every golden event that a client may send", () => {
  const sent = events.filter(({ tag }) => tag === MONEY_EARNED || tag === EARNING_REVERSED);
  assert.ok(sent.length >= 2);
  for (const { name, json, msgpack_hex } of sent) {
    const publish = { type: "publish", partition: 0, first: 1, events: [json] };
    test(`${name}: a Publish of it holds its bytes and decodes to it`, () => {
      const encoded = encode(publish as Message, SUBPROTOCOL_MSGPACK) as Uint8Array;
      assert.ok(Buffer.from(encoded).toString("hex").endsWith(`91${msgpack_hex}`));
      assert.deepEqual(decodeClientMessage(encoded, SUBPROTOCOL_MSGPACK), publish);
    });
  }
});

describe("every golden event of the broker's own", () => {
  for (const { name, tag, json } of events) {
    if (tag === MONEY_EARNED || tag === EARNING_REVERSED) continue;
    test(`${name}: is refused in a Publish`, () => {
      const publish = JSON.stringify({ type: "publish", partition: 0, first: 1, events: [json] });
      assert.throws(() => decodeClientMessage(publish, SUBPROTOCOL_JSON), RemoteProtocolError);
    });
  }
});

describe("every bad message is refused as malformed", () => {
  for (const { name, sender, why, json_text, msgpack_hex } of bad) {
    test(`${name}: ${why}`, () => {
      assert.ok((json_text === undefined) !== (msgpack_hex === undefined));
      const decode = (): unknown =>
        json_text === undefined
          ? decoders[sender](bytes(msgpack_hex ?? ""), SUBPROTOCOL_MSGPACK)
          : decoders[sender](json_text, SUBPROTOCOL_JSON);
      assert.throws(decode, (error) => (error as RemoteProtocolError).code === "malformed");
    });
  }
});

test("every golden partition", () => {
  assert.ok(partitions.length > 0);
  for (const { player, partitions: count, partition } of partitions) {
    assert.equal(partitionOf(player, count), partition, `${player} of ${count}`);
  }
});
