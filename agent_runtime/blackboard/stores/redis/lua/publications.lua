-- Artifacts and what they set off.

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

-- {'overdue', time} when the plan adds to a group, and something is due by then that has not been done.
local function overdue(plan)
  local at
  for _, publication in ipairs(plan) do
    for _, delivery in ipairs(publication.deliveries) do
      if delivery.gathering and delivery.due <= publication.at then
        at = math.max(at or 0, publication.at)
      end
    end
  end
  if at and redis.call('ZCOUNT', P .. 'timers', '-inf', whole(at)) > 0 then
    return {'overdue', whole(at)}
  end
end

-- All keys that a plan leads to are of their kind, or nothing is written.
local function look(plan)
  about('artifacts', 'position', 'lateness', 'place', 'pending', 'uses', 'timers')
  for _, publication in ipairs(plan) do
    for _, index in ipairs(publication.indexes) do
      expect('zset', P .. 'by:' .. index)
    end
    for _, delivery in ipairs(publication.deliveries) do
      expect('hash', P .. 'delivery:' .. delivery.name)
      expect('zset', P .. 'inbox:' .. delivery.agent)
      if delivery.gathering then
        look_at_group(delivery.agent, cjson.decode(delivery.gathering))
      end
    end
  end
end

-- Store the artifacts of a plan, body i is ARGV[first + i], and make them findable.
local function store(plan, first)
  local known = redis.call('MGET', P .. 'position', P .. 'lateness')
  local position, lateness = tonumber(known[1] or 0), tonumber(known[2] or 0)
  local latest = lateness
  for i, publication in ipairs(plan) do
    position = math.max(position + 1, publication.at)
    latest = math.max(latest, position - publication.at)
    redis.call('HSET', P .. 'artifacts', publication.id, ARGV[first + i])
    local score = whole(position)
    for _, index in ipairs(publication.indexes) do
      redis.call('ZADD', P .. 'by:' .. index, score, publication.id)
    end
  end
  redis.call('SET', P .. 'position', whole(position))
  if latest > lateness then
    redis.call('SET', P .. 'lateness', whole(latest))
  end
end

-- Note the deliveries of a plan, and what they use.
local function note(plan)
  local pending, arriving = {}, 0
  for _, publication in ipairs(plan) do
    arriving = arriving + #publication.deliveries
  end
  if arriving == 0 then
    return
  end
  local place = redis.call('INCRBY', P .. 'place', arriving) - arriving
  for _, publication in ipairs(plan) do
    for _, delivery in ipairs(publication.deliveries) do
      place = place + 1
      delivery.rank = whole(place - delivery.priority * PLACES)
      redis.call('HSET', P .. 'delivery:' .. delivery.name, 'agent', delivery.agent,
        'artifacts', delivery.artifacts, 'rank', delivery.rank, 'attempt', 0, 'held', 0)
      pending[delivery.agent] = (pending[delivery.agent] or 0) + 1
    end
    for id, count in pairs(publication.uses or {}) do
      redis.call('HINCRBY', P .. 'uses', id, count)
    end
  end
  for agent, count in pairs(pending) do
    count_pending(agent, count)
  end
end

-- Put a new delivery where it belongs; returns true when something is ready.
local function start(delivery, now)
  if delivery.gathering then
    redis.call('HSET', P .. 'delivery:' .. delivery.name, 'gathering', delivery.gathering)
    if delivery.due <= now then
      return gather(delivery.name, delivery.agent, delivery.rank, cjson.decode(delivery.gathering), now)
    end
  end
  return offer(delivery.name, delivery.agent, delivery.rank, delivery.due, now)
end

-- plan: [{id, at, indexes, deliveries, uses: {id: count}}]; uses is left out when there are no deliveries
-- deliveries: [{name, agent, artifacts, priority, due, gathering}]; artifacts and gathering as JSON
local function insert(plan, first)
  if #plan == 0 then
    return
  end
  look(plan)
  store(plan, first)
  note(plan)
  local woken = {}
  for _, publication in ipairs(plan) do
    for _, delivery in ipairs(publication.deliveries) do
      if start(delivery, publication.at) then
        woken[delivery.agent] = true
      end
    end
  end
  wake(woken)
end
