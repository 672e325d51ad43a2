-- ARGV: lease, delivery, attempt, now
local before = finished(ARGV[1], ARGV[2], ARGV[3])
if before then
  return before
end
local why = lost(ARGV[2], ARGV[3], tonumber(ARGV[4]))
if why then
  return {'lost', why}
end
local found = bodies(cjson.decode(redis.call('HGET', P .. 'delivery:' .. ARGV[2], 'artifacts')))
table.insert(found, 1, 'ok')
return found
