-- ARGV: holder, now, until, '1' to take over. Returns {'ok', generation} or {'held', holder, until}.
local lease = redis.call('HMGET', P .. 'lease', 'holder', 'until')
if lease[1] and lease[1] ~= ARGV[1] and tonumber(lease[2]) > tonumber(ARGV[2]) and ARGV[4] ~= '1' then
  return {'held', lease[1], lease[2]}
end
local generation = redis.call('HINCRBY', P .. 'lease', 'generation', 1)
redis.call('HSET', P .. 'lease', 'holder', ARGV[1], 'until', ARGV[3])
return {'ok', tostring(generation)}
