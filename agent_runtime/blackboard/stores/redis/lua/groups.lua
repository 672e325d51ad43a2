-- Joins and batches, as `matching/joins.py` says it. A delivery that is gathered waits in its slot of the group.

local function slot_of(agent, gathering, slot)
  return P .. 'group:' .. agent .. ':' .. gathering.group .. ':' .. slot
end

-- The group, and the batch behind it, are of the kinds that they must be. Their items are not looked at: there may
-- be thousands, and those of a set that ends are read before anything is made of them.
local looked = {}
local look_at_group
function look_at_group(agent, gathering)
  for i in ipairs(gathering.needs) do
    local slot = slot_of(agent, gathering, i - 1)
    if not looked[slot] then
      expect('zset', slot)
      looked[slot] = true
    end
  end
  local batch = gathering['then']
  if batch and batch ~= cjson.null then
    look_at_group(agent, batch)
  end
end

local function is_complete(agent, gathering)
  for i, need in ipairs(gathering.needs) do
    if redis.call('ZCARD', slot_of(agent, gathering, i - 1)) < need then
      return false
    end
  end
  return true
end

-- Take what there is of the next set: names in the order of the slots, and how many each slot had.
local function take_set(agent, gathering)
  local names, present = {}, {}
  for i, need in ipairs(gathering.needs) do
    local popped = redis.call('ZPOPMIN', slot_of(agent, gathering, i - 1), need)
    present[i] = #popped / 2
    for at = 1, #popped, 2 do
      names[#names + 1] = popped[at]
    end
  end
  return names, present
end

-- Make the deliveries of a set one: the first, with the artifacts of all.
local function merge(agent, names)
  local ids, sets = {}, {}
  for i, name in ipairs(names) do
    local delivery = P .. 'delivery:' .. name
    local fields = redis.call('HMGET', delivery, 'artifacts', 'sets')
    append(ids, cjson.decode(fields[1]))
    append(sets, cjson.decode(fields[2] or '[]'))
    if i > 1 then
      redis.call('DEL', delivery)
    end
  end
  call('ZREM', P .. 'timers', names)
  if #names > 1 then
    count_pending(agent, 1 - #names)
  end
  local first = P .. 'delivery:' .. names[1]
  redis.call('HDEL', first, 'gathering', 'since')
  redis.call('HSET', first, 'artifacts', cjson.encode(ids))
  if #sets > 0 then
    redis.call('HSET', first, 'sets', cjson.encode(sets))
  end
  return #ids
end

local gather
local earliest -- of the timers that groups got in this script

-- Merge a set that has ended, and deliver it or put it into the batch; returns true when something is ready.
local function pass_on(agent, names, gathering, now)
  local size = merge(agent, names)
  local first = P .. 'delivery:' .. names[1]
  local rank = redis.call('HGET', first, 'rank')
  local batch = gathering['then']
  if batch == nil or batch == cjson.null then
    return offer(names[1], agent, rank, now, now)
  end
  redis.call('HSET', first, 'gathering', cjson.encode(batch), 'sets', cjson.encode({size}))
  return gather(names[1], agent, rank, batch, now)
end

-- Put a delivery into its group, and end the sets that are complete now; true when something is ready.
function gather(name, agent, rank, gathering, now)
  redis.call('HSET', P .. 'delivery:' .. name, 'since', whole(now))
  redis.call('ZADD', slot_of(agent, gathering, gathering.slot), whole(place_of(rank)), name)
  -- at the end of the window it is still inside
  local ends = now + gathering.window + 1
  earliest = math.min(earliest or ends, ends)
  redis.call('ZADD', P .. 'timers', whole(ends), name)
  local ready = false
  while is_complete(agent, gathering) do
    ready = pass_on(agent, take_set(agent, gathering), gathering, now) or ready
  end
  return ready
end
