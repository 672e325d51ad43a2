-- ARGV: delivery, attempt, now, error, retry at or '', most attempts, dead letters kept
if failed_before(ARGV[1], ARGV[2]) then
  return {'ok'}
end
local now = tonumber(ARGV[3])
local why = lost(ARGV[1], ARGV[2], now)
if why then
  return {'lost', why}
end
local delivery = P .. 'delivery:' .. ARGV[1]
local fields = redis.call('HMGET', delivery, 'agent', 'rank', 'base')
about('timers', 'pending', 'uses', 'place', 'dead', 'dead:order')
expect('zset', P .. 'inbox:' .. fields[1])
if ARGV[5] == '' or is_last(ARGV[2], fields[3], ARGV[6]) then
  return {'dead', give_up(ARGV[1], ARGV[4], now, ARGV[7])}
end
redis.call('ZREM', P .. 'timers', ARGV[1])
redis.call('HSET', delivery, 'held', 0, 'error', ARGV[4])
if offer(ARGV[1], fields[1], fields[2], tonumber(ARGV[5]), now) then
  wake({[fields[1]] = true})
end
return {'ok'}
