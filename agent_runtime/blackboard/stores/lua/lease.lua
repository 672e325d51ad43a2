-- ARGV: agent, limit, until. Returns [[name, attempt, [body, ...]], ...].
local leased = {}
local ready = redis.call('ZPOPMIN', P .. 'inbox:' .. ARGV[1], ARGV[2])
for i = 1, #ready, 2 do
  local name = ready[i]
  local delivery = P .. 'delivery:' .. name
  local attempt = redis.call('HINCRBY', delivery, 'attempt', 1)
  redis.call('HSET', delivery, 'held', 1, 'until', ARGV[3])
  redis.call('ZADD', P .. 'timers', ARGV[3], name)
  local artifacts = cjson.decode(redis.call('HGET', delivery, 'artifacts'))
  leased[#leased + 1] = {name, attempt, bodies(artifacts)}
end
return leased
