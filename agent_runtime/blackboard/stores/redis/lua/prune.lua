-- ARGV: [{id, indexes}] as JSON. Returns [how many went]: what something needs by now stays.
local gone = 0
about('artifacts', 'uses')
for _, artifact in ipairs(cjson.decode(ARGV[1])) do
  for _, index in ipairs(artifact.indexes) do
    expect('zset', P .. 'by:' .. index)
  end
end
for _, artifact in ipairs(cjson.decode(ARGV[1])) do
  if redis.call('HEXISTS', P .. 'uses', artifact.id) == 0 then
    gone = gone + redis.call('HDEL', P .. 'artifacts', artifact.id)
    for _, index in ipairs(artifact.indexes) do
      redis.call('ZREM', P .. 'by:' .. index, artifact.id)
    end
  end
end
return {gone}
