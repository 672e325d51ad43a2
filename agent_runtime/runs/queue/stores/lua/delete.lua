-- Forget a row. ARGV: run
local prefix = KEYS[1]
local run = ARGV[1]
local queue, state, claim = unpack(redis.call('HMGET', prefix .. 'row:' .. run, 'queue', 'state', 'claim'))
if not queue then
  return 0
end
redis.call('DEL', prefix .. 'row:' .. run)
redis.call('ZREM', prefix .. 'waiting:' .. queue, run)
redis.call('ZREM', prefix .. 'running', run)
redis.call('ZREM', prefix .. 'changes', run)
redis.call('HINCRBY', prefix .. 'counts', queue .. '\n' .. state, -1)
if claim then
  redis.call('HDEL', prefix .. 'claims', queue .. '\n' .. claim)
end
return 1
