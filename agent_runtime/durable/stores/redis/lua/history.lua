-- Returns the heads, oldest first.
local numbers = redis.call('ZRANGE', P .. 'history', 0, -1)
if #numbers == 0 then
  return {}
end
return redis.call('HMGET', P .. 'heads', unpack(numbers))
