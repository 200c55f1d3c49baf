-- Let go of commands that have taken effect, but for the newest of them: one that is sent again must find itself.
-- KEYS: command streams. ARGV: how many taken ones to keep, then for each stream the id of the last taken one.
-- Reply: how many were let go of.
local kept = tonumber(ARGV[1])

-- The id of the oldest that stays, or nil when all do. An incarnation numbers its commands without a hole, so that
-- those of an older one alone have to be looked at: a thousand entries are a millisecond, in which nobody is heard.
local function oldest_kept(stream, last)
  local incarnation, number = string.match(last, '^(%d+)-(%d+)$')
  if tonumber(number) >= kept then
    return incarnation .. '-' .. string.format('%d', tonumber(number) - kept + 1)
  end
  return (redis.call('XREVRANGE', stream, last, '-', 'COUNT', kept)[kept] or {})[1]
end

local gone = 0
for i = 1, #KEYS do
  local oldest = redis.call('XLEN', KEYS[i]) > kept and oldest_kept(KEYS[i], ARGV[i + 1])
  if oldest then
    gone = gone + redis.call('XTRIM', KEYS[i], 'MINID', oldest)
  end
end
return gone
