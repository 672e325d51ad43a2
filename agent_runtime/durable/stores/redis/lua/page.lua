-- ARGV: visit, least index (exclusive, as for ZRANGEBYSCORE), most. Returns index, body, index, body, ...
local found = {}
for _, index in ipairs(redis.call('ZRANGEBYSCORE', P .. 'order:' .. ARGV[1], ARGV[2], '+inf', 'LIMIT', 0, ARGV[3])) do
  found[#found + 1] = index
  found[#found + 1] = redis.call('HGET', P .. 'values:' .. ARGV[1], index)
end
return found
