-- Give a book up, unless somebody else holds it by now.
-- KEYS: lease, head. ARGV: epoch.
-- Reply: {'OK', epoch} or {'FENCED', newest epoch}.
local epoch = tonumber(redis.call('HGET', KEYS[2], 'epoch') or '0')
if epoch ~= tonumber(ARGV[1]) then
  return {'FENCED', epoch}
end
redis.call('DEL', KEYS[1])
return {'OK', epoch}
