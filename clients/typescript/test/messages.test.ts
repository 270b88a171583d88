import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { RemoteProtocolError } from "../dist/errors.js";
import {
  RECEIVED_BYTES_MAX,
  SUBPROTOCOL_JSON,
  SUBPROTOCOL_MSGPACK,
  decodeBrokerMessage,
  decodeClientMessage,
  encode,
} from "../dist/messages.js";
import { bytes } from "./documents.js";

const ACK = { type: "ack", partition: 1, through: 2, durability: "memory", archived: 0 } as const;

function fromJson(value: unknown): unknown {
  return decodeBrokerMessage(JSON.stringify(value), SUBPROTOCOL_JSON);
}

describe("what arrives", () => {
  test("the other kind of WebSocket message is malformed", () => {
    const text = encode(ACK, SUBPROTOCOL_JSON);
    const binary = encode(ACK, SUBPROTOCOL_MSGPACK);
    assert.throws(() => decodeBrokerMessage(text, SUBPROTOCOL_MSGPACK), RemoteProtocolError);
    assert.throws(() => decodeBrokerMessage(binary, SUBPROTOCOL_JSON), RemoteProtocolError);
  });

  test("unknown keys are ignored, whatever is under them", () => {
    assert.deepEqual(fromJson({ ...ACK, later: { 1: [null, 1.5] }, __proto__: null }), ACK);
    // {"type": "gap", "partition": 0, "last": 1, "x": {1: 1.0, nil: bin, "e": ext}, "y": 2^63}
    const gap = bytes(
      "85a474797065a3676170a9706172746974696f6e00a46c61737401" +
        "a178" + "8301cb3ff0000000000000c0c40101a165d40500" +
        "a179" + "cf8000000000000000",
    );
    assert.deepEqual(decodeBrokerMessage(gap, SUBPROTOCOL_MSGPACK), {
      type: "gap",
      partition: 0,
      last: 1,
    });
  });

  test("missing keys with defaults get them", () => {
    const { archived, ...others } = ACK;
    assert.deepEqual(fromJson(others), { ...others, archived });
  });

  test("a whole number from 2^53 on is malformed, never rounded", () => {
    for (const last of ["9007199254740992", "18446744073709551616", "-1"]) {
      const gap = `{"type":"gap","partition":0,"last":${last}}`;
      assert.throws(() => decodeBrokerMessage(gap, SUBPROTOCOL_JSON), RemoteProtocolError);
    }
    const gap = bytes("83a474797065a3676170a9706172746974696f6e00a46c617374cf0020000000000000");
    assert.throws(() => decodeBrokerMessage(gap, SUBPROTOCOL_MSGPACK), RemoteProtocolError);
  });

  test("a type that objects have by themselves is no message", () => {
    for (const type of ["constructor", "toString", "__proto__"]) {
      assert.throws(() => fromJson({ type }), RemoteProtocolError);
    }
  });

  test("a message over the limit is too large", () => {
    const text = "x".repeat(RECEIVED_BYTES_MAX + 1);
    assert.throws(
      () => fromJson({ type: "error", code: "malformed", text }),
      (error) => (error as RemoteProtocolError).code === "too-large",
    );
  });

  test("an unknown error code is kept, as a later version may have more", () => {
    const error = { type: "error", code: "of-a-later-version", text: "" };
    assert.deepEqual(fromJson(error), error);
  });

  test("an event's later elements are ignored and its last ones have defaults", () => {
    const events = [[17, "a", 1, 2], [33, "b", 3, 4, "r", "s", "later"]];
    const publish = { type: "publish", partition: 0, first: 1, events };
    assert.deepEqual(decodeClientMessage(JSON.stringify(publish), SUBPROTOCOL_JSON), {
      ...publish,
      events: [[17, "a", 1, 2, ""], [33, "b", 3, 4, "r", "s"]],
    });
  });
});
