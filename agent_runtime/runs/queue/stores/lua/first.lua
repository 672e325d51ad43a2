-- The row that a claim holds in a queue, else the first that waits; empty when there is neither.
-- ARGV: queue, claim ('')
local prefix = KEYS[1]
local queue, claim = ARGV[1], ARGV[2]
local run = claim ~= '' and redis.call('HGET', prefix .. 'claims', queue .. '\n' .. claim)
if not run then
  run = redis.call('ZRANGE', prefix .. 'waiting:' .. queue, 0, 0)[1]
end
return run and redis.call('HGETALL', prefix .. 'row:' .. run) or {}
