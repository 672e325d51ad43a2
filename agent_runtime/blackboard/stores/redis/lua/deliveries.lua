-- Deliveries: offered, held, finished, removed.

-- Of the 53 bits that a score holds exactly, 40 are the place, in order of arrival; above them is the priority.
local PLACES = 1099511627776

local function place_of(rank)
  return tonumber(rank) % PLACES
end

-- Make a delivery ready now, or when it is due; returns true when it is ready.
local function offer(name, agent, rank, due, now)
  if due > now then
    redis.call('ZADD', P .. 'timers', whole(due), name)
    return false
  end
  redis.call('ZADD', P .. 'inbox:' .. agent, rank, name)
  return true
end

local function count_pending(agent, more)
  if redis.call('HINCRBY', P .. 'pending', agent, more) <= 0 then
    redis.call('HDEL', P .. 'pending', agent)
  end
end

-- A delivery or a dead letter with these artifacts is no more. Those of boards from before `uses` are not
-- counted: none of them has a count then, and `redis/retention.py` knows them.
local function release(artifacts)
  for _, id in ipairs(cjson.decode(artifacts)) do
    if redis.call('HINCRBY', P .. 'uses', id, -1) <= 0 then
      redis.call('HDEL', P .. 'uses', id)
    end
  end
end

-- Take a delivery out of where it waits, is held or gathered; its artifacts are still in use.
local function take_out(name, agent)
  redis.call('DEL', P .. 'delivery:' .. name)
  redis.call('ZREM', P .. 'timers', name)
  count_pending(agent, -1)
end

local function remove(name)
  local fields = redis.call('HMGET', P .. 'delivery:' .. name, 'agent', 'artifacts')
  take_out(name, fields[1])
  release(fields[2])
end

-- Until when an attempt has the delivery, even if that is over; nil when it has not.
local function held_until(name, attempt)
  local fields = redis.call('HMGET', P .. 'delivery:' .. name, 'attempt', 'held', 'until')
  if fields[1] == attempt and fields[2] == '1' then
    return tonumber(fields[3])
  end
end

-- Why the lease is not held; nil when it is.
local function lost(name, attempt, now)
  local to = held_until(name, attempt)
  if not to then
    return 'is not held'
  end
  if to <= now then
    return 'ran out'
  end
end

-- Whether this attempt gave the delivery back before, or was the one after which it was given up.
local function failed_before(name, attempt)
  local fields = redis.call('HMGET', P .. 'delivery:' .. name, 'attempt', 'held')
  if fields[1] == attempt and fields[2] == '0' then
    return true
  end
  local letter = redis.call('HGET', P .. 'dead', name)
  return letter and cjson.decode(letter).attempts == tonumber(attempt)
end

-- {'finished', body, ...} when the lease was acknowledged before. One that is held was not: it is of an
-- artifact that was pruned and published anew.
local function finished(lease, name, attempt)
  if held_until(name, attempt) then
    return
  end
  local results = redis.call('GET', P .. 'finished:' .. lease)
  if results then
    local found = bodies(cjson.decode(results))
    table.insert(found, 1, 'finished')
    return found
  end
end
