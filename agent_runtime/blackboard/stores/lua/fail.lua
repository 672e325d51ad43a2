-- ARGV: delivery, attempt, now, error, retry at or '', most attempts, dead letters kept
local delivery = P .. 'delivery:' .. ARGV[1]
local fields = redis.call('HMGET', delivery, 'attempt', 'held', 'agent', 'rank', 'base')
if fields[1] == ARGV[2] and fields[2] == '0' then
  return {'ok'} -- given back before
end
local letter = redis.call('HGET', P .. 'dead', ARGV[1])
if letter and cjson.decode(letter).attempts == tonumber(ARGV[2]) then
  return {'ok'} -- given up before
end
local now = tonumber(ARGV[3])
local why = lost(ARGV[1], ARGV[2], now)
if why then
  return {'lost', why}
end
if ARGV[5] == '' or is_last(ARGV[2], fields[5], ARGV[6]) then
  return {'dead', give_up(ARGV[1], ARGV[4], now, ARGV[7])}
end
redis.call('ZREM', P .. 'timers', ARGV[1])
redis.call('HSET', delivery, 'held', 0, 'error', ARGV[4])
if offer(ARGV[1], fields[3], fields[4], tonumber(ARGV[5]), now) then
  wake({[fields[3]] = true})
end
return {'ok'}
