-- ARGV: agent, where to go on in `timers`
-- A bounded step. Returns [deliveries removed, where to go on, 0 after a look at all of it; deliveries left].
local INBOX, TIMERS = 1000, 5000
local agent, at = ARGV[1], tonumber(ARGV[2])
about('subscribers', 'subscribers:order', 'subscribers:version', 'timers', 'pending', 'uses')
expect('zset', P .. 'inbox:' .. agent)
if redis.call('HDEL', P .. 'subscribers', agent) == 1 then
  redis.call('HDEL', P .. 'subscribers:order', agent)
  redis.call('INCR', P .. 'subscribers:version')
end
local going = {}
local ready = redis.call('ZPOPMIN', P .. 'inbox:' .. agent, INBOX)
for i = 1, #ready, 2 do
  going[#going + 1] = ready[i]
end
-- what is not ready has a timer
local ending = '@' .. agent
local timed = redis.call('ZRANGE', P .. 'timers', at, at + TIMERS - 1)
local kept = 0
for _, name in ipairs(timed) do
  if string.sub(name, -#ending) == ending then
    going[#going + 1] = name
  else
    kept = kept + 1
  end
end
for _, name in ipairs(going) do
  local fields = redis.call('HMGET', P .. 'delivery:' .. name, 'gathering', 'since')
  if fields[2] then
    local gathering = cjson.decode(fields[1])
    redis.call('ZREM', slot_of(agent, gathering, gathering.slot), name)
  end
  remove(name)
end
local left = tonumber(redis.call('HGET', P .. 'pending', agent) or 0)
return {#going, #timed < TIMERS and 0 or at + kept, left}
