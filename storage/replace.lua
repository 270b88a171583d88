-- Switch refilled read models of one partition in, or do nothing when the checkpoint has moved.
--
-- KEYS  1 checkpoint  2 prizes  3 staged prizes, then a season:
--       board, staged board, totals
-- ARGV  1 n, 2 chain, 3 incarnation of the checkpoint that was found; all '' where there was none
--       4 n  5 chain  6 season  7 time_ms  8 incarnation, then a season: earned, earnings, moved
-- Returns 1, or 0. A staged key is absent where it is empty.

local found = redis.call('HMGET', KEYS[1], 'n', 'chain', 'incarnation')
if (found[1] or '') ~= ARGV[1] or (found[2] or '') ~= ARGV[2] or (found[3] or '') ~= ARGV[3] then
  return 0
end

local function switch(staged, live)
  redis.call('UNLINK', live)
  if redis.call('EXISTS', staged) == 1 then
    redis.call('RENAME', staged, live)
    redis.call('PERSIST', live)
  end
end

switch(KEYS[3], KEYS[2])
for season = 0, (#KEYS - 3) / 3 - 1 do
  local at = 3 + 3 * season
  switch(KEYS[at + 2], KEYS[at + 1])
  redis.call('UNLINK', KEYS[at + 3])
  redis.call('HSET', KEYS[at + 3], 'earned', ARGV[9 + 3 * season],
    'earnings', ARGV[10 + 3 * season], 'moved', ARGV[11 + 3 * season])
end
redis.call('HSET', KEYS[1], 'n', ARGV[4], 'chain', ARGV[5], 'season', ARGV[6],
  'time_ms', ARGV[7], 'incarnation', ARGV[8])
return 1
