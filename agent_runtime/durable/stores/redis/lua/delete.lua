-- Everything about the run goes.
for _, visit in ipairs(redis.call('SMEMBERS', P .. 'places')) do
  forget(visit)
end
expect('hash', P .. 'lease')
expect('zset', P .. 'history')
expect('hash', P .. 'heads')
expect('hash', P .. 'bodies')
redis.call('DEL', P .. 'lease', P .. 'history', P .. 'heads', P .. 'bodies', P .. 'places')
return {'ok'}
