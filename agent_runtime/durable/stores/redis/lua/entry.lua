-- ARGV: number, '' for the latest. Returns {head, body} or {}.
local number = ARGV[1]
if number == '' then
  number = redis.call('ZRANGE', P .. 'history', -1, -1)[1]
end
local head = number and redis.call('HGET', P .. 'heads', number)
if not head then
  return {}
end
return {head, redis.call('HGET', P .. 'bodies', number)}
