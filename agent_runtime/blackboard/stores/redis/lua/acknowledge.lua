-- ARGV: lease, delivery, attempt, now, version, ids of all results, milliseconds to remember it, plan, bodies...
local before = finished(ARGV[1], ARGV[2], ARGV[3])
if before then
  return before
end
local why = lost(ARGV[2], ARGV[3], tonumber(ARGV[4]))
if why then
  return {'lost', why}
end
local plan = cjson.decode(ARGV[8])
if #plan > 0 then
  local exists = already(plan)
  if exists then
    return exists
  end
  if stale(ARGV[5]) then
    return {'stale'}
  end
  local late = overdue(plan)
  if late then
    return late
  end
end
about('timers', 'pending', 'uses')
expect('string', P .. 'finished:' .. ARGV[1])
insert(plan, 8)
remove(ARGV[2])
redis.call('SET', P .. 'finished:' .. ARGV[1], ARGV[6], 'PX', ARGV[7])
return {'ok'}
