-- Let go of commands that have taken effect, but for the newest of them: one that is sent again must find itself.
-- KEYS: command streams. ARGV: how many taken ones to keep, then for each stream the id of the last taken one.
-- Reply: how many were let go of.
local kept = tonumber(ARGV[1])
local gone = 0
for i = 1, #KEYS do
  if redis.call('XLEN', KEYS[i]) > kept then
    local taken = redis.call('XREVRANGE', KEYS[i], ARGV[i + 1], '-', 'COUNT', kept)
    if #taken == kept then
      gone = gone + redis.call('XTRIM', KEYS[i], 'MINID', taken[kept][1])
    end
  end
end
return gone
