-- ARGV: position behind which to look, last position, how many to look at
-- Returns [where to go on or false, [id, position, body], ...] with what nothing needs.
local found = redis.call('ZRANGEBYSCORE', P .. 'by:all', '(' .. ARGV[1], ARGV[2], 'WITHSCORES', 'LIMIT', 0, ARGV[3])
local answer = {#found == 2 * ARGV[3] and found[#found]}
for i = 1, #found, 2 do
  if redis.call('HEXISTS', P .. 'uses', found[i]) == 0 then
    answer[#answer + 1] = {found[i], found[i + 1], redis.call('HGET', P .. 'artifacts', found[i])}
  end
end
return answer
