-- Prolong a lease. One that ran out is given back as long as nobody else took the book in between.
-- KEYS: lease, head. ARGV: epoch, owner, time to live (ms).
-- Reply: {'OK', epoch} or {'FENCED', newest epoch}.
local epoch = tonumber(redis.call('HGET', KEYS[2], 'epoch') or '0')
if epoch ~= tonumber(ARGV[1]) then
  return {'FENCED', epoch}
end
redis.call('SET', KEYS[1], epoch .. ' ' .. ARGV[2], 'PX', ARGV[3])
return {'OK', epoch}
