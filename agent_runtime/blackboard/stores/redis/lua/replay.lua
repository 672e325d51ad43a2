-- ARGV: delivery, ... Returns the letters of those that were dead.
local letters, woken = {}, {}
about('dead', 'dead:order', 'place', 'pending', 'timers')
for _, name in ipairs(ARGV) do
  expect('hash', P .. 'delivery:' .. name)
end
for _, name in ipairs(ARGV) do
  local document = take_letter(name)
  if document then
    letters[#letters + 1] = document
    local letter = cjson.decode(document)
    -- its priority, behind all that waits with the same; letters of boards from before have none
    local before = tonumber(letter.rank or 0)
    local rank = whole(redis.call('INCR', P .. 'place') + before - place_of(before))
    local delivery = P .. 'delivery:' .. name
    redis.call('HSET', delivery, 'agent', letter.agent, 'artifacts', letter.artifacts, 'rank', rank,
      'attempt', letter.attempts, 'base', letter.attempts, 'held', 0, 'error', letter.error)
    if letter.sets then
      redis.call('HSET', delivery, 'sets', letter.sets)
    end
    count_pending(letter.agent, 1)
    offer(name, letter.agent, rank, 0, 0)
    woken[letter.agent] = true
  end
end
if #letters > 0 then
  wake(woken)
end
return letters
