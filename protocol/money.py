"""Money is a whole number of minor units.

Laws:

- Every amount and every sum is an ``int``; nothing is ever a float.
- Every sum stays below 2^53, so that a Redis sorted-set score holds it exactly.
"""

SUM_LIMIT = 2**53
"""Exclusive upper bound of any sum. Source: IEEE 754 binary64 has a 53-bit significand."""

AMOUNT_MAX = 10**12
"""The largest single earning. 9,007 of them still fit below SUM_LIMIT for one player."""
