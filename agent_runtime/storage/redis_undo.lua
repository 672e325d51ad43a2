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

-- What has been kept: true for a key whose first state is noted whole, so that what is written to it later needs
-- no note; false for one that was there. A note costs as much as what is written, whatever the size of the key.
local kept, kept_fields = {}, {}

local function found(key, is_there)
  if kept[key] == nil then
    kept[key] = not is_there
    if not is_there then
      note('DEL', key)
    end
  end
end

-- Before a command that takes keys of any kind.
local function expect(kind, key)
  local there = checked('TYPE', key).ok
  if there ~= 'none' and there ~= kind then
    error({failure = foreign(key, there)})
  end
  found(key, there ~= 'none')
end

-- Whether it is kept whole when something is taken out: what comes back may come at another place.
local FIELDS, BYTES = 32, 16384
local large = {}
local function is_small(size, key)
  if large[key] then
    return false
  end
  if checked(size, key) <= FIELDS then
    local bytes = raw.pcall('MEMORY', 'USAGE', key)
    if type(bytes) == 'number' and bytes <= BYTES then
      return true
    end
  end
  large[key] = true
  return false
end

local function keep_whole(key)
  if kept[key] then
    return
  end
  kept[key] = true
  local body = checked('DUMP', key)
  if body then
    note('RESTORE', key, math.max(checked('PTTL', key), 0), body, 'REPLACE')
  else
    note('DEL', key)
  end
end

local function keep_string(key)
  local body = checked('GET', key)
  kept[key] = true
  if not body then
    return note('DEL', key)
  end
  local expires = checked('PTTL', key)
  if expires >= 0 then
    note('SET', key, body, 'PX', math.max(expires, 1))
  else
    note('SET', key, body)
  end
end

local function keep_field(key, field)
  local known = kept_fields[key]
  if not known then
    known = {}
    kept_fields[key] = known
  end
  if known[field] then
    return
  end
  known[field] = true
  local before = checked('HGET', key, field)
  if before then
    undo[#undo + 1] = {'HSET', key, field, before}
  else
    undo[#undo + 1] = {'HDEL', key, field}
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

-- Before a command on a key that is not kept whole.
local keep = {
  HSET = function(key, arguments)
    if kept[key] == nil then
      found(key, checked('EXISTS', key) == 1)
    end
    if not kept[key] then
      keep_fields(key, every_second(arguments, 1))
    end
  end,
  HINCRBY = function(key, arguments) keep_field(key, arguments[1]) end,
  HDEL = function(key, arguments)
    if is_small('HLEN', key) then
      keep_whole(key)
    elseif #arguments == 1 then
      keep_field(key, arguments[1])
    else
      keep_fields(key, arguments)
    end
  end,
  ZADD = function(key, arguments) keep_members(key, every_second(arguments, 2)) end,
  ZREM = keep_members,
  SADD = keep_member_of_set,
  SREM = keep_member_of_set,
  SET = keep_string,
  DEL = keep_whole,
  UNLINK = keep_whole,
}

local function increase(key, by)
  if kept[key] == nil then
    found(key, checked('SETNX', key, 0) == 0)
  end
  local answer = checked('INCRBY', key, by)
  if not kept[key] then
    note('DECRBY', key, by)
  end
  return answer
end

-- Commands that say themselves what there is to note.
local instead = {
  INCR = function(key) return increase(key, 1) end,
  INCRBY = increase,
  -- most often of a member that is new
  ZADD = function(key, ...)
    local arguments = {...}
    if not kept[key] and #arguments == 2 and checked('ZADD', key, 'NX', ...) == 1 then
      note('ZREM', key, arguments[2])
      return 1
    end
  end,
  -- and of a field that is
  HSET = function(key, ...)
    local arguments = {...}
    if not kept[key] and #arguments == 2 and checked('HSETNX', key, ...) == 1 then
      note('HDEL', key, arguments[1])
      return 1
    end
  end,
  ZPOPMIN = function(key, ...)
    local answer = checked('ZPOPMIN', key, ...)
    if not kept[key] then
      for i = 1, #answer, 2 do
        note('ZADD', key, answer[i + 1], answer[i])
      end
    end
    return answer
  end,
  RENAME = function(key, other)
    expect(checked('TYPE', key).ok, other)
    keep_whole(other)
    local answer = checked('RENAME', key, other)
    note('RENAME', other, key)
    -- what is written to it from now on would go back with it
    kept[other], large[other], kept_fields[other] = false, nil, nil
    return answer
  end,
}

local redis = {
  call = function(command, key, ...)
    local other = instead[command]
    local answer = other and other(key, ...)
    if answer then
      return answer
    end
    local first = keep[command]
    if first then
      if not kept[key] then
        first(key, {...})
      end
      if first == keep_whole then
        for _, one in ipairs({...}) do
          keep_whole(one)
        end
      end
    end
    return checked(command, key, ...)
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
