-- ARGV: now, most attempts, error of a lease that ran out, dead letters kept
-- Returns [ready agents, expired deliveries, dead letters, next time or false].
local now = tonumber(ARGV[1])
local ready, expired, dead = {}, {}, {}
-- a bounded step: what is left comes with the next sweep, which is due at once
for _, name in ipairs(redis.call('ZRANGEBYSCORE', P .. 'timers', '-inf', ARGV[1], 'LIMIT', 0, 1000)) do
  local delivery = P .. 'delivery:' .. name
  local fields = redis.call('HMGET', delivery, 'agent', 'rank', 'attempt', 'held')
  if fields[4] == '1' and tonumber(fields[3]) >= tonumber(ARGV[2]) then
    dead[#dead + 1] = give_up(name, ARGV[3], now, tonumber(ARGV[4]))
  else
    if fields[4] == '1' then
      redis.call('HSET', delivery, 'held', 0)
      expired[#expired + 1] = name
    end
    offer(name, fields[1], fields[2], now, now)
    ready[fields[1]] = true
  end
end
local agents = {}
for agent in pairs(ready) do
  agents[#agents + 1] = agent
end
if #agents > 0 then
  wake(ready)
end
return {agents, expired, dead, redis.call('ZRANGE', P .. 'timers', 0, 0, 'WITHSCORES')[2] or false}
