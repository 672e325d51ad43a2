-- The first part of every script. KEYS[1] is the prefix of all keys of one run; it carries the hash tag, so that
-- a cluster keeps them together. Times are microseconds since 1970, and come from the caller.
--
--   lease      hash     holder, generation, until
--   history    sorted   number -> number as text
--   heads      hash     number -> boundary as JSON
--   bodies     hash     number -> checkpoint
--   places     set      visits that have records, as [path, visit] in JSON
--   values:V   hash     index -> body of a record of the visit V
--   order:V    sorted   index -> index as text
local P = KEYS[1]

-- Whether the caller is the run's writer: by holder and generation.
local function held(holder, generation)
  local lease = redis.call('HMGET', P .. 'lease', 'holder', 'generation')
  return lease[1] == holder and lease[2] == generation
end

local function latest()
  local last = redis.call('ZRANGE', P .. 'history', -1, -1)
  return last[1] and tonumber(last[1])
end

local function forget(visit)
  expect('hash', P .. 'values:' .. visit)
  expect('zset', P .. 'order:' .. visit)
  redis.call('DEL', P .. 'values:' .. visit, P .. 'order:' .. visit)
  redis.call('SREM', P .. 'places', visit)
end
