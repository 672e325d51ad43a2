-- Dead letters: deliveries that were given up.

-- Returns the letter as JSON; nil when there is none.
local function take_letter(name)
  local letter = redis.call('HGET', P .. 'dead', name)
  if letter then
    redis.call('HDEL', P .. 'dead', name)
    redis.call('ZREM', P .. 'dead:order', name)
    return letter
  end
end

-- Whether a lease was the last one: attempts before a replay, and those given back unjudged, do not count.
local function is_last(attempt, base, most)
  return tonumber(attempt) - tonumber(base or 0) >= tonumber(most)
end

-- Move a delivery to the dead letters; returns the letter as JSON.
local function give_up(name, problem, now, kept)
  local fields = redis.call('HMGET', P .. 'delivery:' .. name, 'agent', 'artifacts', 'attempt', 'rank', 'sets')
  take_out(name, fields[1])
  local letter = cjson.encode({
    delivery = name, agent = fields[1], artifacts = fields[2], attempts = tonumber(fields[3]),
    error = problem, at = whole(now), rank = fields[4], sets = fields[5] or nil,
  })
  redis.call('HSET', P .. 'dead', name, letter)
  redis.call('ZADD', P .. 'dead:order', redis.call('INCR', P .. 'place'), name)
  while redis.call('ZCARD', P .. 'dead:order') > tonumber(kept) do
    release(cjson.decode(take_letter(redis.call('ZRANGE', P .. 'dead:order', 0, 0)[1])).artifacts)
  end
  return letter
end
