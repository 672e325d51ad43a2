-- ARGV: limit, agent or ''. Returns letters, newest first.
local names = redis.call('ZREVRANGE', P .. 'dead:order', 0, ARGV[2] == '' and ARGV[1] - 1 or -1)
local ending = '@' .. ARGV[2]
local letters = {}
for _, name in ipairs(names) do
  if ARGV[2] == '' or string.sub(name, -#ending) == ending then
    letters[#letters + 1] = redis.call('HGET', P .. 'dead', name)
  end
  if #letters == tonumber(ARGV[1]) then
    break
  end
end
return letters
