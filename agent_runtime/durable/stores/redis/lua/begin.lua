-- A fork arrives. ARGV: number, head, body, visit with the records about the run, then index, body of each.
-- Returns {'ok'} or {'exists'}.
if redis.call('EXISTS', P .. 'lease') == 1 then
  local numbers = redis.call('ZRANGE', P .. 'history', 0, -1)
  local same = #numbers == 1 and redis.call('HGET', P .. 'heads', numbers[1]) == ARGV[2]
  return {same and 'ok' or 'exists'}
end
redis.call('HSET', P .. 'lease', 'holder', '', 'generation', 0, 'until', 0)
redis.call('ZADD', P .. 'history', ARGV[1], ARGV[1])
redis.call('HSET', P .. 'heads', ARGV[1], ARGV[2])
redis.call('HSET', P .. 'bodies', ARGV[1], ARGV[3])
for i = 5, #ARGV, 2 do
  redis.call('SADD', P .. 'places', ARGV[4])
  redis.call('HSET', P .. 'values:' .. ARGV[4], ARGV[i], ARGV[i + 1])
  redis.call('ZADD', P .. 'order:' .. ARGV[4], ARGV[i], ARGV[i])
end
return {'ok'}
