-- ARGV: deliveries as JSON: [{name, agent, artifacts, priority, due, attempt, base, error, sets, gathering, since}]
-- One of several steps. Nobody sees what it puts in before `thaw_end`: what finds deliveries is kept aside.
about('place', 'aside')
local deliveries = cjson.decode(ARGV[1])
local place = redis.call('INCRBY', P .. 'place', #deliveries) - #deliveries
for _, kept in ipairs(deliveries) do
  place = place + 1
  local rank = whole(place - kept.priority * PLACES)
  local delivery = P .. 'delivery:' .. kept.name
  local fields = {'agent', kept.agent, 'artifacts', kept.artifacts, 'rank', rank, 'attempt', kept.attempt, 'held', 0}
  for _, field in ipairs({'error', 'base', 'sets', 'gathering'}) do
    if kept[field] then
      append(fields, {field, kept[field]})
    end
  end
  if kept.since then
    append(fields, {'since', whole(kept.since)})
    local gathering = cjson.decode(kept.gathering)
    local slot = 'group:' .. kept.agent .. ':' .. gathering.group .. ':' .. gathering.slot
    redis.call('ZADD', aside(slot), whole(place), kept.name)
    redis.call('ZADD', aside('timers'), whole(kept.since + gathering.window + 1), kept.name)
  elseif kept.due > 0 then
    redis.call('ZADD', aside('timers'), whole(kept.due), kept.name)
  else
    redis.call('ZADD', aside('inbox:' .. kept.agent), rank, kept.name)
  end
  expect('hash', delivery)
  redis.call('DEL', delivery)
  redis.call('HSET', delivery, unpack(fields))
  redis.call('HINCRBY', aside('pending'), kept.agent, 1)
  use(kept.artifacts)
end
