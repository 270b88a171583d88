-- Apply a batch's changes to one partition's read models and move the checkpoint, or do nothing.
--
-- KEYS  1 checkpoint  2 log  3 head  4 prizes, then a season: board, totals
-- ARGV  1 n before  2 chain before  3 incarnation before
--       4 n  5 chain  6 season  7 time_ms  8 incarnation
--       9 '1' when the changes were read from the archive  10 how many seasons
--       a season: earned, earnings, moved (sum of absolute deltas), how many players,
--       then a player: score (the negated delta), id; after the seasons: how many prizes, then a prize: amount, id
-- Returns 'applied', 'checkpoint-moved', 'log-differs' or 'sum-too-large'.
--
-- All checks come before the first write.

local LIMIT = 9007199254740992 -- 2^53: beyond it a score is no longer exact
local checkpoint = redis.call('HMGET', KEYS[1], 'n', 'chain', 'incarnation')
if (checkpoint[1] or '0') ~= ARGV[1] or (checkpoint[3] or '0') ~= ARGV[3]
  or (checkpoint[1] and checkpoint[2] ~= ARGV[2]) then
  return 'checkpoint-moved'
end

local head = redis.call('HMGET', KEYS[3], 'n', 'chain', 'archived', 'incarnation')
if not head[1] or head[4] ~= ARGV[8] or tonumber(head[1]) < tonumber(ARGV[4]) then
  return 'log-differs'
end
if head[1] == ARGV[4] then
  if head[2] ~= ARGV[5] then
    return 'log-differs'
  end
else
  local id = ARGV[4] .. '-0'
  local entry = redis.call('XRANGE', KEYS[2], id, id)[1]
  if entry then
    local fields = entry[2]
    for at = 1, #fields, 2 do
      if fields[at] == 'h' and fields[at + 1] ~= ARGV[5] then
        return 'log-differs'
      end
    end
  elseif ARGV[9] ~= '1' or tonumber(head[3] or '0') < tonumber(ARGV[4]) then
    return 'log-differs' -- trimmed, and nobody knows whether it was this one
  end
end

local seasons = {}
local at = 11
for season = 1, tonumber(ARGV[10]) do
  local players = tonumber(ARGV[at + 3])
  seasons[season] = {at = at, players = players}
  local board, totals = KEYS[3 + 2 * season], KEYS[4 + 2 * season]
  local moved = tonumber(redis.call('HGET', totals, 'moved') or '0') + tonumber(ARGV[at + 2])
  if moved >= LIMIT then
    -- No player can have more than was moved in all, so only now each is looked at.
    for player = 1, players do
      local score, id = tonumber(ARGV[at + 2 + 2 * player]), ARGV[at + 3 + 2 * player]
      local sum = score + tonumber(redis.call('ZSCORE', board, id) or '0')
      if sum >= LIMIT or sum <= -LIMIT then
        return 'sum-too-large'
      end
    end
    local earned = tonumber(redis.call('HGET', totals, 'earned') or '0') + tonumber(ARGV[at])
    if earned >= LIMIT or moved >= 512 * LIMIT then
      return 'sum-too-large'
    end
  end
  at = at + 4 + 2 * players
end

for season, found in ipairs(seasons) do
  local board, totals = KEYS[3 + 2 * season], KEYS[4 + 2 * season]
  local base = found.at
  for player = 1, found.players do
    redis.call('ZINCRBY', board, ARGV[base + 2 + 2 * player], ARGV[base + 3 + 2 * player])
  end
  redis.call('HINCRBY', totals, 'earned', ARGV[base])
  redis.call('HINCRBY', totals, 'earnings', ARGV[base + 1])
  redis.call('HINCRBY', totals, 'moved', ARGV[base + 2])
end
for prize = 1, tonumber(ARGV[at]) do
  redis.call('HINCRBY', KEYS[4], ARGV[at + 2 * prize], ARGV[at + 2 * prize - 1])
end
redis.call('HSET', KEYS[1], 'n', ARGV[4], 'chain', ARGV[5], 'season', ARGV[6],
  'time_ms', ARGV[7], 'incarnation', ARGV[8])
return 'applied'
