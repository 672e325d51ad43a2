-- Put a row in place of the one that was read; 0 when another was faster.
-- ARGV: run, version that was read ('' for none), queue, state before ('' for none), state, place, until (''),
-- claim before (''), claim (''), noteworthy (1 or 0), number of values to set, name, value, ..., names to clear
local prefix = KEYS[1]
local run, expected, queue, before, state, place, due, claimed, claim, noteworthy, sets = unpack(ARGV, 1, 11)
local key = prefix .. 'row:' .. run
if (redis.call('HGET', key, 'version') or '') ~= expected then
  return 0
end
local at = 12
for _ = 1, tonumber(sets) do
  redis.call('HSET', key, ARGV[at], ARGV[at + 1])
  at = at + 2
end
for i = at, #ARGV do
  redis.call('HDEL', key, ARGV[i])
end
redis.call('HSET', key, 'version', redis.call('INCR', prefix .. 'version'))
if before ~= state then
  if before == 'Waiting' then
    redis.call('ZREM', prefix .. 'waiting:' .. queue, run)
  end
  if state == 'Waiting' then
    redis.call('ZADD', prefix .. 'waiting:' .. queue, place, run)
  end
  if before ~= '' then
    redis.call('HINCRBY', prefix .. 'counts', queue .. '\n' .. before, -1)
  end
  redis.call('HINCRBY', prefix .. 'counts', queue .. '\n' .. state, 1)
end
if due == '' then
  redis.call('ZREM', prefix .. 'running', run)
else
  redis.call('ZADD', prefix .. 'running', due, run)
end
if claimed ~= claim then
  if claimed ~= '' then
    redis.call('HDEL', prefix .. 'claims', queue .. '\n' .. claimed)
  end
  if claim ~= '' then
    redis.call('HSET', prefix .. 'claims', queue .. '\n' .. claim, run)
  end
end
if noteworthy == '1' then
  redis.call('ZADD', prefix .. 'changes', redis.call('INCR', prefix .. 'sequence'), run)
end
return 1
