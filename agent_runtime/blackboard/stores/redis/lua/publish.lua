-- ARGV: version, most deliveries pending, plan, bodies...
local plan = cjson.decode(ARGV[3])
local exists = already(plan)
if exists then
  return exists
end
if stale(ARGV[1]) then
  return {'stale'}
end
local late = overdue(plan)
if late then
  return late
end
local more = {}
for _, publication in ipairs(plan) do
  for _, delivery in ipairs(publication.deliveries) do
    more[delivery.agent] = (more[delivery.agent] or 0) + 1
  end
end
for agent, count in pairs(more) do
  if tonumber(redis.call('HGET', P .. 'pending', agent) or 0) + count > tonumber(ARGV[2]) then
    return {'full', agent}
  end
end
insert(plan, 3)
return {'ok'}
