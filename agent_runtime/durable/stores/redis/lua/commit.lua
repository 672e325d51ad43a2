-- ARGV: holder, generation, keep, count of visits to forget, those visits, then number, head, body of each entry.
if not held(ARGV[1], ARGV[2]) then
  return {'lost'}
end
local last = latest()
local first = 5 + tonumber(ARGV[4])
local number
for i = first, #ARGV, 3 do
  number = tonumber(ARGV[i])
  if not last or number > last then
    redis.call('ZADD', P .. 'history', number, ARGV[i])
    redis.call('HSET', P .. 'heads', ARGV[i], ARGV[i + 1])
    redis.call('HSET', P .. 'bodies', ARGV[i], ARGV[i + 2])
  end
end
local over = redis.call('ZRANGEBYSCORE', P .. 'history', '-inf', number - tonumber(ARGV[3]))
for _, old in ipairs(over) do
  redis.call('ZREM', P .. 'history', old)
  redis.call('HDEL', P .. 'heads', old)
  redis.call('HDEL', P .. 'bodies', old)
end
for i = 5, first - 1 do
  forget(ARGV[i])
end
return {'ok'}
