import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { Extension, Float, decode, encode } from "../dist/msgpack.js";
import { bytes } from "./documents.js";

/** From the specification's table of formats. */
const INTEGERS: readonly (readonly [number, string])[] = [
  [0, "00"], [127, "7f"], [128, "cc80"], [255, "ccff"], [256, "cd0100"], [65535, "cdffff"],
  [65536, "ce00010000"], [2 ** 32 - 1, "ceffffffff"], [2 ** 32, "cf0000000100000000"],
  [2 ** 53 - 1, "cf001fffffffffffff"], [-1, "ff"], [-32, "e0"], [-33, "d0df"], [-128, "d080"],
  [-129, "d1ff7f"], [-32768, "d18000"], [-32769, "d2ffff7fff"], [-(2 ** 31), "d280000000"],
  [-(2 ** 31) - 1, "d3ffffffff7fffffff"], [-(2 ** 53) + 1, "d3ffe0000000000001"],
];

const LENGTHS = [0, 1, 15, 16, 31, 32, 255, 256, 65535, 65536];

describe("MessagePack", () => {
  for (const [value, hex] of INTEGERS) {
    test(`${value} is ${hex}`, () => {
      assert.equal(Buffer.from(encode(value)).toString("hex"), hex);
      assert.equal(decode(bytes(hex)), value);
    });
  }

  test("texts, arrays and maps of every form's lengths come back", () => {
    for (const length of LENGTHS) {
      const text = "é".repeat(length);
      assert.equal(decode(encode(text)), text);
      const array = Array.from({ length }, (_, index) => index);
      assert.deepEqual(decode(encode(array)), array);
      const map = Object.fromEntries(array.map((index) => [`key${index}`, index]));
      assert.deepEqual({ ...(decode(encode(map)) as object) }, map);
    }
  });

  test("integers in a longer form than needed are read", () => {
    for (const hex of ["cc07", "cd0007", "ce00000007", "cf0000000000000007"]) {
      assert.equal(decode(bytes(hex)), 7);
    }
  });

  test("what a number cannot hold exactly is no number", () => {
    assert.equal(decode(bytes("cf0020000000000000")), 2n ** 53n);
    assert.deepEqual(decode(bytes("cb3ff0000000000000")), new Float(1));
    assert.deepEqual(decode(bytes("ca3f800000")), new Float(1));
  });

  test("every other type is read as what it is", () => {
    const found = decode(bytes("97c0c2c3c40107c70105aad605aabbccddd9026162"));
    assert.deepEqual(found, [
      null,
      false,
      true,
      Uint8Array.of(7),
      new Extension(5, Uint8Array.of(0xaa)),
      new Extension(5, Uint8Array.of(0xaa, 0xbb, 0xcc, 0xdd)),
      "ab",
    ]);
  });

  test("a byte order mark belongs to the text", () => {
    assert.equal(decode(encode("\ufeffa")), "\ufeffa");
  });

  test("every cut of a value is refused", () => {
    const whole = encode({ text: "abc", list: [1, 300, 70_000, 2 ** 40], deep: { er: [] } });
    for (let length = 0; length < whole.length; length++) {
      assert.throws(() => decode(whole.subarray(0, length)), `cut to ${length}`);
    }
  });

  test("a value of any bytes is read or refused, and reads no byte beyond", () => {
    let state = 1;
    for (let round = 0; round < 20_000; round++) {
      const junk = Uint8Array.from({ length: 12 }, () => {
        state = (Math.imul(state, 1103515245) + 12345) >>> 0;
        return state >>> 24;
      });
      try {
        decode(junk.subarray(0, 1 + (round % 12)));
      } catch (error) {
        assert.ok(error instanceof Error && !(error instanceof RangeError), String(error));
      }
    }
  });

  test("values too deep in one another are refused before the stack ends", () => {
    const deep = new Uint8Array(100_000).fill(0x91);
    assert.throws(() => decode(deep), /in one another/);
  });

  test("what has no place in a message is not encoded", () => {
    for (const value of [1.5, NaN, 2 ** 53, undefined, null, true, 1n]) {
      assert.throws(() => encode([value]));
    }
  });
});
