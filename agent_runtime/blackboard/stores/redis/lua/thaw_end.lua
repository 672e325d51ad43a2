-- ARGV: subscribers as [[agent, body], ...], dead letters; both JSON, in order
-- Returns [1], or nothing when the board is fed by now.
about('subscribers', 'subscribers:order', 'subscribers:version', 'subscribers:count', 'dead', 'dead:order')
about('place', 'aside')
if is_fed() then
  return {}
end
for _, member in ipairs(cjson.decode(ARGV[1])) do
  redis.call('HSET', P .. 'subscribers', member[1], member[2])
  redis.call('HSET', P .. 'subscribers:order', member[1], redis.call('INCR', P .. 'subscribers:count'))
end
for _, letter in ipairs(cjson.decode(ARGV[2])) do
  -- of the rank only the priority counts: those that are replayed get a new place
  letter.rank = whole(0 - letter.priority * PLACES)
  letter.priority = nil
  redis.call('HSET', P .. 'dead', letter.delivery, cjson.encode(letter))
  redis.call('ZADD', P .. 'dead:order', redis.call('INCR', P .. 'place'), letter.delivery)
  use(letter.artifacts)
end
for _, key in ipairs(redis.call('SMEMBERS', P .. 'aside')) do
  redis.call('RENAME', P .. 'aside:' .. key, P .. key)
end
redis.call('DEL', P .. 'aside')
local woken = {}
for _, agent in ipairs(redis.call('HKEYS', P .. 'pending')) do
  woken[agent] = true
end
local now = version()
redis.call('SET', P .. 'subscribers:version', whole(now < 0 and -now or now + 1))
wake(woken)
return {1}
