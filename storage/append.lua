-- Append pieces to one partition's log as one entry, each if its lane allows it.
--
-- KEYS  1 head  2 fence  3 log  4 voids
-- ARGV  1 incarnation that the caller knows  2 format version  3 how many pieces, then a piece:
--       producer, first, last, data, how many voids, then a void: seq (16 digits), code
-- Returns {'missing'}, {'incarnation', theirs}, or
--       {'ok', n, chain, {a piece: answer, last, void members…}…}
--
-- XADD comes before the fence and the head move: if it fails, nothing has changed.

local head, fence, log, voids = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local known = redis.call('HMGET', head, 'n', 'chain', 'season', 'time_ms', 'incarnation')
if not known[1] then
  return {'missing'}
end
if known[5] ~= ARGV[1] then
  return {'incarnation', known[5]}
end
local n, chain, season, time = tonumber(known[1]), known[2], tonumber(known[3]), tonumber(known[4])

local answers, bodies, count, moved, marks, closes = {}, {}, 0, {}, {}, false
local at = 4
for piece = 1, tonumber(ARGV[3]) do
  local producer, first, last = ARGV[at], tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
  local data, void_count = ARGV[at + 3], tonumber(ARGV[at + 4])
  at = at + 5
  if producer == 'season' and ARGV[3] ~= '1' then
    return redis.error_reply('ERR a close comes alone')
  end
  local before = moved[producer] or tonumber(redis.call('HGET', fence, producer) or '0')
  if first == before + 1 then
    moved[producer] = last
    bodies[#bodies + 1] = data
    count = count + last - first + 1
    for void = 0, void_count - 1 do
      marks[#marks + 1] = producer .. ':' .. ARGV[at + 2 * void] .. ':' .. ARGV[at + 2 * void + 1]
    end
    closes = producer == 'season'
    answers[piece] = {'appended', last}
  elseif last <= before then
    local answer = {'duplicate', before}
    local from = string.format('[%s:%016d:', producer, first)
    local to = string.format('(%s:%016d:', producer, last + 1)
    for _, member in ipairs(redis.call('ZRANGE', voids, from, to, 'BYLEX')) do
      answer[#answer + 1] = member
    end
    answers[piece] = answer
  else
    answers[piece] = {'gap', before}
  end
  at = at + 2 * void_count
end

-- Written also when nothing is appended, so that WAIT and WAITAOF speak of this call.
redis.call('HINCRBY', head, 'writes', 1)
if count > 0 then
  local clock = redis.call('TIME')
  time = math.max(time, tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000))
  n = n + count
  local body = '\221' .. struct.pack('>I4', #bodies) .. table.concat(bodies)
  local header = string.format('%s %s %d %d %d %d ', chain, ARGV[2], n, count, season, time)
  chain = redis.sha1hex(header .. body)
  local id = string.format('%d-0', n)
  local added = redis.pcall('XADD', log, id, 'v', ARGV[2], 'c', string.format('%d', count),
    's', string.format('%d', season), 't', string.format('%d', time), 'b', body, 'h', chain)
  if type(added) == 'table' and added.err then
    return added
  end
  for producer, last in pairs(moved) do
    redis.call('HSET', fence, producer, string.format('%d', last))
  end
  for _, member in ipairs(marks) do
    redis.call('ZADD', voids, 0, member)
  end
  if closes then
    season = season + 1
  end
  redis.call('HSET', head, 'n', string.format('%d', n), 'chain', chain,
    'season', string.format('%d', season), 'time_ms', string.format('%d', time))
end
local reply = {'ok', string.format('%d', n), chain}
for piece, answer in ipairs(answers) do
  reply[3 + piece] = answer
end
return reply
