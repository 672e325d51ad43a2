-- ARGV: agent, body; an empty body forgets the agent.
-- Returns ['new'] or ['known'], or ['restoring'] when a restore is under way.
if version() < 0 then
  return {'restoring'}
end
local known = redis.call('HGET', P .. 'subscribers', ARGV[1])
if (known or '') == ARGV[2] then
  return {'known'}
end
about('subscribers', 'subscribers:order', 'subscribers:version', 'subscribers:count')
if ARGV[2] == '' then
  redis.call('HDEL', P .. 'subscribers', ARGV[1])
  redis.call('HDEL', P .. 'subscribers:order', ARGV[1])
else
  redis.call('HSET', P .. 'subscribers', ARGV[1], ARGV[2])
  if not known then
    redis.call('HSET', P .. 'subscribers:order', ARGV[1], redis.call('INCR', P .. 'subscribers:count'))
  end
end
redis.call('INCR', P .. 'subscribers:version')
return {'new'}
