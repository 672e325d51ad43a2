-- A board that is being restored has a negative version.

local function version()
  return tonumber(redis.call('GET', P .. 'subscribers:version') or 0)
end

-- Whether there are subscribers, deliveries or dead letters.
local function is_fed()
  return redis.call('EXISTS', P .. 'subscribers', P .. 'pending', P .. 'dead') > 0
end

-- The key to use instead of this one until the board is opened.
local noted = {}
local function aside(key)
  if not noted[key] then
    noted[key] = P .. 'aside:' .. key
    redis.call('SADD', P .. 'aside', key)
  end
  return noted[key]
end

-- Count what names these artifacts.
local function use(artifacts)
  for _, id in ipairs(cjson.decode(artifacts)) do
    redis.call('HINCRBY', aside('uses'), id, 1)
  end
end
