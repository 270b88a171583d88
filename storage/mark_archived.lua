-- Publish what the archive holds of one partition; marks never move backwards.
--
-- KEYS  1 head  2 archived
-- ARGV  1 incarnation  2 n, then producer, last seq …
-- Returns 1, or 0 for another incarnation.

if redis.call('HGET', KEYS[1], 'incarnation') ~= ARGV[1] then
  return 0
end
if tonumber(redis.call('HGET', KEYS[1], 'archived') or '0') < tonumber(ARGV[2]) then
  redis.call('HSET', KEYS[1], 'archived', ARGV[2])
end
for at = 3, #ARGV, 2 do
  if tonumber(redis.call('HGET', KEYS[2], ARGV[at]) or '0') < tonumber(ARGV[at + 1]) then
    redis.call('HSET', KEYS[2], ARGV[at], ARGV[at + 1])
  end
end
return 1
