-- ARGV: holder, generation, until. Releasing is renewing until the beginning of time.
if not held(ARGV[1], ARGV[2]) then
  return {'lost'}
end
redis.call('HSET', P .. 'lease', 'until', ARGV[3])
return {'ok'}
