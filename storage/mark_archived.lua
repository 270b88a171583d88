-- Publish what the archive holds of one partition; marks never move backwards.
--
-- KEYS  1 head  2 archived
-- ARGV  1 incarnation  2 n after which the lanes speak  3 n, then producer, last seq …
-- Returns 1, or 0 for another incarnation, or when marks before 2 are missing.

if redis.call('HGET', KEYS[1], 'incarnation') ~= ARGV[1] then
  return 0
end
local marked = tonumber(redis.call('HGET', KEYS[1], 'archived') or '0')
if marked < tonumber(ARGV[2]) then
  return 0
end
if marked < tonumber(ARGV[3]) then
  redis.call('HSET', KEYS[1], 'archived', ARGV[3])
end
for at = 4, #ARGV, 2 do
  if tonumber(redis.call('HGET', KEYS[2], ARGV[at]) or '0') < tonumber(ARGV[at + 1]) then
    redis.call('HSET', KEYS[2], ARGV[at], ARGV[at + 1])
  end
end
return 1
