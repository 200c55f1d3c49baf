-- Take a book that nobody holds. A new epoch each time, above every epoch this server or the caller has seen.
-- The server counts the time to live by its wall clock. When that is stepped forward a successor may come early: it
-- fences the first at once, and what the first may still send until its own `send_by` is doubtful during the quarantine.
-- KEYS: lease, head. ARGV: owner, time to live (ms), epoch already seen elsewhere.
-- Reply: {'OK', epoch} or {'HELD', 'epoch owner'}.
local holder = redis.call('GET', KEYS[1])
if holder then
  return {'HELD', holder}
end
local epoch = math.max(tonumber(redis.call('HGET', KEYS[2], 'epoch') or '0'), tonumber(ARGV[3])) + 1
redis.call('HSET', KEYS[2], 'epoch', epoch)
redis.call('SET', KEYS[1], epoch .. ' ' .. ARGV[1], 'PX', ARGV[2])
return {'OK', epoch}
