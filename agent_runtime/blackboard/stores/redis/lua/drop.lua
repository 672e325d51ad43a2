-- ARGV: delivery, ... Returns [how many of them were dead].
local dropped = 0
about('dead', 'dead:order', 'uses')
for _, name in ipairs(ARGV) do
  local letter = take_letter(name)
  if letter then
    release(cjson.decode(letter).artifacts)
    dropped = dropped + 1
  end
end
return {dropped}
