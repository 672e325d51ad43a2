-- ARGV: holder, generation, then visit, index, body of each record.
if not held(ARGV[1], ARGV[2]) then
  return {'lost'}
end
for i = 3, #ARGV, 3 do
  redis.call('SADD', P .. 'places', ARGV[i])
  redis.call('HSET', P .. 'values:' .. ARGV[i], ARGV[i + 1], ARGV[i + 2])
  redis.call('ZADD', P .. 'order:' .. ARGV[i], ARGV[i + 1], ARGV[i + 1])
end
return {'ok'}
