-- ARGV: agent, limit, until. Returns [[name, attempt, sets as JSON or false, [body, ...]], ...].
local leased = {}
about('timers', 'artifacts')
for _, name in ipairs(redis.call('ZRANGE', P .. 'inbox:' .. ARGV[1], 0, ARGV[2] - 1)) do
  expect('hash', P .. 'delivery:' .. name)
end
local ready = redis.call('ZPOPMIN', P .. 'inbox:' .. ARGV[1], ARGV[2])
for i = 1, #ready, 2 do
  local name = ready[i]
  local delivery = P .. 'delivery:' .. name
  local attempt = redis.call('HINCRBY', delivery, 'attempt', 1)
  redis.call('HSET', delivery, 'held', 1, 'until', ARGV[3])
  redis.call('ZADD', P .. 'timers', ARGV[3], name)
  local fields = redis.call('HMGET', delivery, 'artifacts', 'sets')
  leased[#leased + 1] = {name, attempt, fields[2], bodies(cjson.decode(fields[1]))}
end
return leased
