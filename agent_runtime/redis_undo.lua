-- The beginning of every script: all of it happens, or nothing. Redis runs a script alone, but does not take back
-- what one has written that fails half way: at a key of somebody else's, or at a value that is no number. So what
-- each write changes is read first, and put back in the opposite order when the script fails.
local raw, undo = redis, {}

local function note(...)
  undo[#undo + 1] = {...}
end

local function foreign(key, kind)
  return 'WRONGTYPE the key ' .. key .. ' is a ' .. tostring(kind) ..
    ', which something else than Covey has put there: move it away'
end

-- An error as Redis says it, whatever its version puts before: its code comes first.
local function failure(message, command, key)
  message = string.gsub(string.gsub(message, '^@?[%w_]+: ?%d+: ?', ''), '^%-', '')
  if string.find(message, 'WRONGTYPE', 1, true) then
    return foreign(key, raw.pcall('TYPE', key).ok)
  end
  return message .. ' (' .. command .. ' ' .. tostring(key) .. ')'
end

local function checked(command, key, ...)
  local answer = raw.pcall(command, key, ...)
  if type(answer) == 'table' and answer.err then
    error({failure = failure(answer.err, command, key)})
  end
  return answer
end

-- Before a command that takes keys of any kind.
local function expect(kind, key)
  local found = checked('TYPE', key).ok
  if found ~= 'none' and found ~= kind then
    error({failure = foreign(key, found)})
  end
end

-- Whether it is kept whole: a field that comes back may come at another place.
local FIELDS, BYTES = 32, 16384
local function is_small(size, key)
  if checked(size, key) > FIELDS then
    return false
  end
  local bytes = raw.pcall('MEMORY', 'USAGE', key)
  return type(bytes) == 'number' and bytes <= BYTES
end

local function keep_whole(key)
  local body = checked('DUMP', key)
  if body then
    note('RESTORE', key, math.max(checked('PTTL', key), 0), body, 'REPLACE')
  else
    note('DEL', key)
  end
end

local function keep_fields(key, fields)
  local before = checked('HMGET', key, unpack(fields))
  for i, field in ipairs(fields) do
    if before[i] then
      note('HSET', key, field, before[i])
    else
      note('HDEL', key, field)
    end
  end
end

local function keep_members(key, members)
  for _, member in ipairs(members) do
    local score = checked('ZSCORE', key, member)
    if score then
      note('ZADD', key, score, member)
    else
      note('ZREM', key, member)
    end
  end
end

local function every_second(arguments, first)
  local found = {}
  for i = first, #arguments, 2 do
    found[#found + 1] = arguments[i]
  end
  return found
end

local function keep_member_of_set(key, members)
  if is_small('SCARD', key) then
    return keep_whole(key)
  end
  for _, member in ipairs(members) do
    note(checked('SISMEMBER', key, member) == 1 and 'SADD' or 'SREM', key, member)
  end
end

local keep = {
  HSET = function(key, arguments) keep_fields(key, every_second(arguments, 1)) end,
  HINCRBY = function(key, arguments) keep_fields(key, {arguments[1]}) end,
  HDEL = function(key, arguments)
    if is_small('HLEN', key) then
      keep_whole(key)
    else
      keep_fields(key, arguments)
    end
  end,
  ZADD = function(key, arguments) keep_members(key, every_second(arguments, 2)) end,
  ZREM = keep_members,
  SADD = keep_member_of_set,
  SREM = keep_member_of_set,
  SET = function(key)
    expect('string', key)
    keep_whole(key)
  end,
  INCR = keep_whole,
  INCRBY = keep_whole,
  DEL = function(key, arguments)
    keep_whole(key)
    for _, other in ipairs(arguments) do
      keep_whole(other)
    end
  end,
  RENAME = function(key, arguments)
    expect(checked('TYPE', key).ok, arguments[1])
    keep_whole(arguments[1])
    keep_whole(key)
  end,
}
keep.UNLINK = keep.DEL

local redis = {
  call = function(command, key, ...)
    if keep[command] then
      keep[command](key, {...})
    end
    local answer = checked(command, key, ...)
    if command == 'ZPOPMIN' then
      for i = 1, #answer, 2 do
        note('ZADD', key, answer[i + 1], answer[i])
      end
    end
    return answer
  end,
}

-- What the script answers, or the error after which nothing has happened.
local function whole_or_nothing(script)
  local done, answer = pcall(script)
  if done then
    return answer
  end
  for i = #undo, 1, -1 do
    raw.pcall(unpack(undo[i]))
  end
  return raw.error_reply(type(answer) == 'table' and answer.failure or 'ERR ' .. tostring(answer))
end
