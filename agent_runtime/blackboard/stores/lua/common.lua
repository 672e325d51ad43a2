-- The first part of every script. KEYS[1] is the prefix of all keys of one board; it carries the hash tag,
-- so that a cluster keeps them together. Times are microseconds since 1970.
--
--   artifacts          hash    id -> body               position           counter
--   by:all, by:KIND:X  sorted  position -> id           place              counter of deliveries
--   subscribers        hash    agent -> body            subscribers:order  hash  agent -> number
--   subscribers:version, subscribers:count              counters
--   delivery:NAME      hash    agent artifacts rank attempt held until error
--   inbox:AGENT        sorted  rank -> name of what is ready
--   timers             sorted  time -> name of what waits or is held
--   pending            hash    agent -> deliveries waiting or held
--   finished:LEASE     string  ids of the results, expires
--   dead, dead:order   hash, sorted
local P = KEYS[1]

local function bodies(ids)
  if #ids == 0 then
    return {}
  end
  return redis.call('HMGET', P .. 'artifacts', unpack(ids))
end

-- Tell all servers whose inbox got something; the message is the agents' names, one a line.
local function wake(agents)
  local names = {}
  for agent in pairs(agents) do
    names[#names + 1] = agent
  end
  redis.call('PUBLISH', P .. 'wake', table.concat(names, '\n'))
end

-- Make a delivery ready now, or when it is due; returns true when it is ready.
local function offer(name, agent, rank, due, now)
  if due > now then
    redis.call('ZADD', P .. 'timers', string.format('%.0f', due), name)
    return false
  end
  redis.call('ZREM', P .. 'timers', name)
  redis.call('ZADD', P .. 'inbox:' .. agent, rank, name)
  return true
end

-- {'exists', body or false, ...} when some of the plan's artifacts are there already.
local function already(plan)
  local ids = {}
  for i, publication in ipairs(plan) do
    ids[i] = publication.id
  end
  local found = bodies(ids)
  for i = 1, #ids do
    if found[i] then
      table.insert(found, 1, 'exists')
      return found
    end
  end
end

local function stale(version)
  return (redis.call('GET', P .. 'subscribers:version') or '0') ~= version
end

-- plan: [{id, at, indexes, deliveries: [{name, agent, artifacts, priority, due}]}]; body i is ARGV[first + i].
local function insert(plan, first)
  if #plan == 0 then
    return
  end
  local woken = {}
  for i, publication in ipairs(plan) do
    local position = redis.call('INCR', P .. 'position')
    redis.call('HSET', P .. 'artifacts', publication.id, ARGV[first + i])
    for _, index in ipairs(publication.indexes) do
      redis.call('ZADD', P .. 'by:' .. index, position, publication.id)
    end
    for _, delivery in ipairs(publication.deliveries) do
      -- priority first, then order of arrival: 40 bits of the 53 that a score holds exactly are the place
      local place = redis.call('INCR', P .. 'place')
      local rank = string.format('%.0f', place - delivery.priority * 1099511627776)
      redis.call('HSET', P .. 'delivery:' .. delivery.name, 'agent', delivery.agent,
        'artifacts', delivery.artifacts, 'rank', rank, 'attempt', 0, 'held', 0)
      redis.call('HINCRBY', P .. 'pending', delivery.agent, 1)
      if offer(delivery.name, delivery.agent, rank, delivery.due, publication.at) then
        woken[delivery.agent] = true
      end
    end
  end
  wake(woken)
end

-- Why the lease is not held; nil when it is.
local function lost(name, attempt, now)
  local fields = redis.call('HMGET', P .. 'delivery:' .. name, 'attempt', 'held', 'until')
  if fields[1] ~= attempt or fields[2] ~= '1' then
    return 'is not held'
  end
  if tonumber(fields[3]) <= now then
    return 'ran out'
  end
end

-- {'finished', body, ...} when the lease was acknowledged before.
local function finished(lease)
  local results = redis.call('GET', P .. 'finished:' .. lease)
  if results then
    local found = bodies(cjson.decode(results))
    table.insert(found, 1, 'finished')
    return found
  end
end

local function remove(name)
  local agent = redis.call('HGET', P .. 'delivery:' .. name, 'agent')
  redis.call('DEL', P .. 'delivery:' .. name)
  redis.call('ZREM', P .. 'timers', name)
  if redis.call('HINCRBY', P .. 'pending', agent, -1) <= 0 then
    redis.call('HDEL', P .. 'pending', agent)
  end
end

-- Move to the dead letters; returns the letter as JSON.
local function give_up(name, problem, now, kept)
  local fields = redis.call('HMGET', P .. 'delivery:' .. name, 'agent', 'artifacts', 'attempt')
  remove(name)
  local letter = cjson.encode({
    delivery = name, agent = fields[1], artifacts = fields[2], attempts = tonumber(fields[3]),
    error = problem, at = string.format('%.0f', now),
  })
  redis.call('HSET', P .. 'dead', name, letter)
  redis.call('ZADD', P .. 'dead:order', redis.call('INCR', P .. 'place'), name)
  while redis.call('ZCARD', P .. 'dead:order') > kept do
    redis.call('HDEL', P .. 'dead', redis.call('ZPOPMIN', P .. 'dead:order')[1])
  end
  return letter
end
