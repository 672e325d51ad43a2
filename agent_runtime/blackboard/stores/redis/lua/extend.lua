-- ARGV: delivery, attempt, now, until
local why = lost(ARGV[1], ARGV[2], tonumber(ARGV[3]))
if why then
  return {'lost', why}
end
redis.call('ZREM', P .. 'timers', ARGV[1])
redis.call('ZADD', P .. 'timers', ARGV[4], ARGV[1])
redis.call('HSET', P .. 'delivery:' .. ARGV[1], 'until', ARGV[4])
return {'ok'}
