-- ARGV: delivery, attempt, now
if failed_before(ARGV[1], ARGV[2]) then
  return {'ok'}
end
local now = tonumber(ARGV[3])
local why = lost(ARGV[1], ARGV[2], now)
if why then
  return {'lost', why}
end
local delivery = P .. 'delivery:' .. ARGV[1]
local fields = redis.call('HMGET', delivery, 'agent', 'rank')
about('timers')
expect('zset', P .. 'inbox:' .. fields[1])
redis.call('ZREM', P .. 'timers', ARGV[1])
redis.call('HSET', delivery, 'held', 0)
redis.call('HINCRBY', delivery, 'base', 1)
offer(ARGV[1], fields[1], fields[2], now, now)
wake({[fields[1]] = true})
return {'released'}
