-- Returns [version, [body, order], ...]. A script, since Redis refuses even transactions that only read when
-- its memory is full.
local answer = {tonumber(redis.call('GET', P .. 'subscribers:version') or 0)}
local found = redis.call('HGETALL', P .. 'subscribers')
for i = 1, #found, 2 do
  answer[#answer + 1] = {found[i + 1], tonumber(redis.call('HGET', P .. 'subscribers:order', found[i]))}
end
return answer
