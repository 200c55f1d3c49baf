-- Hand out tokens of a rate that several processes share: never more than the pool within the span that is counted.
-- KEYS: the budget, a list of what was given out, `<microseconds> <tokens>`, newest first.
-- ARGV: tokens wanted, tokens overdrawn by the caller, pool, span (microseconds).
-- Reply: tokens given. What was overdrawn is taken off the pool first, also beyond it.
-- The clock is this server's. Stepped back, what it gave counts again from now on: caution, never more than the rate.
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local pool, span = tonumber(ARGV[3]), tonumber(ARGV[4])
local given = 0
local entries = redis.call('LRANGE', KEYS[1], 0, -1)
for index, entry in ipairs(entries) do
  local at, tokens = string.match(entry, '^(%d+) (%d+)$')
  if tonumber(at) > now then
    redis.call('LSET', KEYS[1], index - 1, string.format('%.0f %s', now, tokens))
    given = given + tonumber(tokens)
  elseif now - tonumber(at) < span then
    given = given + tonumber(tokens)
  else
    if index == 1 then
      redis.call('DEL', KEYS[1])
    else
      redis.call('LTRIM', KEYS[1], 0, index - 2)
    end
    break
  end
end
local overdrawn = tonumber(ARGV[2])
local free = pool - given - overdrawn
local tokens = math.max(0, math.min(tonumber(ARGV[1]), free))
if tokens + overdrawn > 0 then
  redis.call('LPUSH', KEYS[1], string.format('%.0f %.0f', now, tokens + overdrawn))
  redis.call('PEXPIRE', KEYS[1], math.ceil(span / 1000) * 2)
end
return tokens
