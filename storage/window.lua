-- Read a window of one board around a place in its order (score ascending, member ascending).
--
-- KEYS  1 board
-- ARGV  1 score  2 member  3 how many before the place  4 how many from the place on
-- Returns {how many have a lesser score, how many are before the place, {before: member, score…}, {from: member, score…}}
--
-- The place is found by bisection among the members with the same score.

-- Byte by byte, as the server orders members; Lua's own < would follow the server's locale.
local function less(a, b)
  for at = 1, math.min(#a, #b) do
    local left, right = string.byte(a, at), string.byte(b, at)
    if left ~= right then
      return left < right
    end
  end
  return #a < #b
end

local board, member = KEYS[1], ARGV[2]
local before, from = tonumber(ARGV[3]), tonumber(ARGV[4])
local lesser = redis.call('ZCOUNT', board, '-inf', '(' .. ARGV[1])
local low, high = lesser, lesser + redis.call('ZCOUNT', board, ARGV[1], ARGV[1])
while low < high do
  local middle = math.floor((low + high) / 2)
  if less(redis.call('ZRANGE', board, middle, middle)[1], member) then
    low = middle + 1
  else
    high = middle
  end
end
local above, below = {}, {}
if before > 0 and low > 0 then
  above = redis.call('ZRANGE', board, math.max(0, low - before), low - 1, 'WITHSCORES')
end
if from > 0 then
  below = redis.call('ZRANGE', board, low, low + from - 1, 'WITHSCORES')
end
return {lesser, low, above, below}
