import assert from "node:assert/strict";
import { test } from "node:test";

import { PRODUCER_ID, uuid7 } from "../dist/identity.js";
import { crc32 } from "../dist/partition.js";
import { expiryOf, pauseMs, renewInMs } from "../dist/timing.js";

test("pauses double up to five seconds, spread over their second half", () => {
  const [least, most] = [0, 1].map((random) =>
    [0, 1, 2, 4, 5, 50].map((failures) => pauseMs(failures, 0, random)),
  );
  assert.deepEqual(least, [100, 200, 400, 1600, 2500, 2500]);
  assert.deepEqual(most, [200, 400, 800, 3200, 5000, 5000]);
});

test("what a broker asks for is never cut short, but for an absurd wish", () => {
  assert.equal(pauseMs(0, 500, 0), 600);
  assert.equal(pauseMs(0, 86_400_000, 0), 60_100);
});

test("a token is renewed well before its end", () => {
  assert.equal(renewInMs(3_600_000), 2_880_000);
  assert.equal(renewInMs(-1), 250);
});

test("a token's expiry is read, and nothing else is taken for one", () => {
  const jwt = (claims: string): string => `h.${Buffer.from(claims).toString("base64url")}.s`;
  assert.equal(expiryOf(jwt('{"sub":"ÿ?>","exp":1700000000}')), 1_700_000_000_000);
  for (const token of ["", "a.b.c", "h..s", jwt("null"), jwt("{}"), jwt('{"exp":"1"}'), jwt("[")]) {
    assert.equal(expiryOf(token), undefined, token);
  }
});

test("a producer's id is a UUIDv7 of its time", () => {
  const id = uuid7(0x0123456789ab, new Uint8Array(10).fill(0xff));
  assert.equal(id, "01234567-89ab-7fff-bfff-ffffffffffff");
  assert.match(id, PRODUCER_ID);
});

test("the CRC-32 of the check string is the known one", () => {
  assert.equal(crc32(new TextEncoder().encode("123456789")), 0xcbf43926);
});
