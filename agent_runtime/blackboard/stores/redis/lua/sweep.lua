-- ARGV: now, most attempts, error of a lease that ran out, dead letters kept
-- Returns [ready agents, expired deliveries, dead letters, incomplete sets, next time or false].
local STEP = 1000
local now = tonumber(ARGV[1])
local expired = {}
-- a bounded step: what is left comes with the next sweep, which is due at once
local swept = {ready = {}, dead = {}, incomplete = {}, work = 0}

-- What became due at a time; for groups it is as if it were that time.
local function come(name, at)
  swept.work = swept.work + 1
  redis.call('ZREM', P .. 'timers', name)
  local delivery = P .. 'delivery:' .. name
  local fields = redis.call('HMGET', delivery, 'agent', 'rank', 'attempt', 'held', 'base', 'gathering', 'since')
  local agent, rank, held = fields[1], fields[2], fields[4] == '1'
  if held and is_last(fields[3], fields[5], ARGV[2]) then
    table.insert(swept.dead, give_up(name, ARGV[3], now, ARGV[4]))
  elseif fields[7] then
    end_window(name, agent, cjson.decode(fields[6]), at, now, ARGV[4], swept)
  elseif fields[6] then
    if gather(name, agent, rank, cjson.decode(fields[6]), at) then
      swept.ready[agent] = true
    end
  else
    if held then
      redis.call('HSET', delivery, 'held', 0)
      expired[#expired + 1] = name
    end
    offer(name, agent, rank, now, now)
    swept.ready[agent] = true
  end
end

-- In the order of time. Returns whether something came to be due in between that must go first.
local function come_all(names, time)
  earliest = nil
  for _, name in ipairs(names) do
    if earliest and earliest <= time[name] then
      return true
    end
    local due = redis.call('ZSCORE', P .. 'timers', name)
    if due and tonumber(due) == time[name] then -- else it went on with the set of one before
      come(name, time[name])
    end
    if swept.work >= STEP then
      return false
    end
  end
  return earliest ~= nil and earliest <= now
end

-- Before anything is written: all that comes to be due is of the kinds that it must be.
local function look(name)
  expect('hash', P .. 'delivery:' .. name)
  local fields = redis.call('HMGET', P .. 'delivery:' .. name, 'agent', 'gathering')
  expect('zset', P .. 'inbox:' .. fields[1])
  if fields[2] then
    look_at_group(fields[1], cjson.decode(fields[2]))
  end
end

about('timers', 'dead', 'dead:order', 'place', 'pending', 'uses')
for _, name in ipairs(come_due(ARGV[1], STEP)) do
  look(name)
end
local names, time
repeat
  names, time = come_due(ARGV[1], STEP)
until not come_all(names, time)
local agents = {}
for agent in pairs(swept.ready) do
  agents[#agents + 1] = agent
end
if #agents > 0 then
  wake(swept.ready)
end
local next_due = redis.call('ZRANGE', P .. 'timers', 0, 0, 'WITHSCORES')[2] or false
return {agents, expired, swept.dead, swept.incomplete, next_due}
