-- Returns [1], or nothing when the board is fed.
if is_fed() then
  return {}
end
-- what a thaw that was broken off put aside
for _, key in ipairs(redis.call('SMEMBERS', P .. 'aside')) do
  redis.call('UNLINK', P .. 'aside:' .. key)
end
redis.call('DEL', P .. 'aside')
return {1}
