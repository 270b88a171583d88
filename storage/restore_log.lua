-- Switch a restored log in, or do nothing: the head must still be the one that was found wanting.
--
-- KEYS  1 head  2 fence  3 log  4 archived  5 voids  6 staged fence (absent when it is empty)
-- ARGV  1 n, 2 chain, 3 incarnation of the head that was found; all '' where there was none
--       4 incarnation  5 format version, then of the Restored entry: 6 n  7 count  8 season
--       9 time_ms  10 body  11 chain
-- Returns 1, or 0.
--
-- What is restored is archived wholly, so the archived marks are the fence.

local found = redis.call('HMGET', KEYS[1], 'n', 'chain', 'incarnation')
if (found[1] or '') ~= ARGV[1] or (found[2] or '') ~= ARGV[2] or (found[3] or '') ~= ARGV[3] then
  return 0
end
redis.call('UNLINK', KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5])
if redis.call('EXISTS', KEYS[6]) == 1 then
  redis.call('RENAME', KEYS[6], KEYS[2])
  redis.call('PERSIST', KEYS[2])
  redis.call('COPY', KEYS[2], KEYS[4])
end
redis.call('XADD', KEYS[3], ARGV[6] .. '-0', 'v', ARGV[5], 'c', ARGV[7], 's', ARGV[8],
  't', ARGV[9], 'b', ARGV[10], 'h', ARGV[11])
redis.call('HSET', KEYS[1], 'n', ARGV[6], 'chain', ARGV[11], 'season', ARGV[8],
  'time_ms', ARGV[9], 'incarnation', ARGV[4], 'archived', ARGV[6])
return 1
