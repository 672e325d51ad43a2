-- Returns [position, version, [[body, order], ...], [letter, ...], [rank, timer or false, name, agent, artifacts, attempt, held, error,
-- base, gathering, since, sets], ...]: deliveries in no order, a field that it has not as false.
local members, letters = {}, {}
local bodies_of_members = redis.call('HGETALL', P .. 'subscribers')
for i = 1, #bodies_of_members, 2 do
  local order = redis.call('HGET', P .. 'subscribers:order', bodies_of_members[i])
  members[#members + 1] = {bodies_of_members[i + 1], tonumber(order)}
end
for _, name in ipairs(redis.call('ZRANGE', P .. 'dead:order', 0, -1)) do
  letters[#letters + 1] = redis.call('HGET', P .. 'dead', name)
end
local answer = {redis.call('GET', P .. 'position') or '0', version(), members, letters}
local function add(name, timer)
  local fields = redis.call('HMGET', P .. 'delivery:' .. name, 'agent', 'artifacts', 'attempt', 'held', 'error',
    'base', 'gathering', 'since', 'sets', 'rank')
  answer[#answer + 1] = {fields[10], timer, name, unpack(fields, 1, 9)}
end
for _, agent in ipairs(redis.call('HKEYS', P .. 'pending')) do
  for _, name in ipairs(redis.call('ZRANGE', P .. 'inbox:' .. agent, 0, -1)) do
    add(name, false)
  end
end
local timed = redis.call('ZRANGE', P .. 'timers', 0, -1, 'WITHSCORES') -- what is not ready has a timer
for i = 1, #timed, 2 do
  add(timed[i], timed[i + 1])
end
return answer
