-- What time brings about: the order of timers, and windows that pass before a set is complete.

-- Whose turn it is of what comes at one time, smaller first: see `Waiting.turn`.
local turns_of = {}
local function turn(gathering, since)
  if not since then
    return 2
  end
  if not turns_of[gathering] then
    turns_of[gathering] = cjson.decode(gathering).names[1] == 'artifact' and 1 or 0
  end
  return turns_of[gathering]
end

-- More than that at one instant are put in order piece by piece.
local MOST_AT_ONCE = 10000

-- Names and times as Redis has them, the first of those whose time has come: all there are of an instant, or none.
local function first_due(now, most)
  local found = redis.call('ZRANGEBYSCORE', P .. 'timers', '-inf', now, 'WITHSCORES', 'LIMIT', 0, most)
  local last = found[#found]
  if #found < 2 * most then
    return found
  end
  if found[2] == last then
    return redis.call('ZRANGEBYSCORE', P .. 'timers', last, last, 'WITHSCORES', 'LIMIT', 0, MOST_AT_ONCE)
  end
  while found[#found] == last do
    found[#found] = nil
    found[#found] = nil
  end
  return found
end

-- Names whose time has come, up to so many, and their times; what came at one time in order of turns, then of place.
local function come_due(now, most)
  local found = first_due(now, most)
  local names, time, turns, place = {}, {}, {}, {}
  for i = 1, #found, 2 do
    local name = found[i]
    names[#names + 1] = name
    time[name] = tonumber(found[i + 1])
    local fields = redis.call('HMGET', P .. 'delivery:' .. name, 'rank', 'gathering', 'since')
    place[name] = place_of(fields[1])
    turns[name] = turn(fields[2], fields[3])
  end
  table.sort(names, function(one, other)
    if time[one] ~= time[other] then
      return time[one] < time[other]
    end
    if turns[one] ~= turns[other] then
      return turns[one] < turns[other]
    end
    return place[one] < place[other]
  end)
  while #names > most do
    names[#names] = nil
  end
  return names, time
end

-- See `matching.joins.shortfall`.
local function shortfall(gathering, present)
  local missing = {}
  for i, need in ipairs(gathering.needs) do
    if present[i] < need then
      missing[#missing + 1] = present[i] .. ' of ' .. need .. ' ' .. gathering.names[i]
    end
  end
  local seconds = string.gsub(string.format('%f', gathering.window / 1000000), '%.?0+$', '')
  return 'the window of ' .. seconds .. 's passed with ' .. table.concat(missing, ', ')
end

-- End the sets of a group up to the one with this delivery, whose window has passed.
-- The set goes on as if it were `at`; one that is given up was given up `now`.
-- swept: {ready: {agent -> true}, dead: [letter], incomplete: [[name, agent, expiry, message]], work: number}
local function end_window(name, agent, gathering, at, now, kept, swept)
  local slot = slot_of(agent, gathering, gathering.slot)
  while redis.call('ZSCORE', slot, name) do
    local names, present = take_set(agent, gathering)
    swept.work = swept.work + #names
    local problem = shortfall(gathering, present)
    if gathering.names[1] ~= 'artifact' then -- a join: that a batch is not full is nothing to report
      table.insert(swept.incomplete, {names[1], agent, gathering.expiry, problem})
    end
    if gathering.expiry == 'Deliver' then
      if pass_on(agent, names, gathering, at) then
        swept.ready[agent] = true
      end
    else
      merge(agent, names)
      if gathering.expiry == 'DeadLetter' then
        table.insert(swept.dead, give_up(names[1], problem, now, kept))
      else
        remove(names[1])
      end
    end
  end
end
