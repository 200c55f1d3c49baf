-- Append one batch and the inbox entries of its events, all or nothing. Everything is checked before the first write,
-- because Redis does not take back what a failing script wrote.
-- KEYS: head, journal, then one inbox stream each.
-- ARGV: epoch, first, last, previous hash, hash, payload,
--       then for each inbox: numbers of its first and last entry, the smallest number that it still has to keep, payload.
-- Reply: {code, epoch, sequence, hash} with code OK, SAME (this very batch is the head already), FENCED, GAP, HASH
--        or INBOX (an inbox is ahead of the journal).
local state = redis.call('HMGET', KEYS[1], 'epoch', 'sequence', 'digest')
local epoch = state[1] or '0'
local sequence = state[2] or '0'
local digest = state[3] or ''

if epoch ~= ARGV[1] then
  return {'FENCED', epoch, sequence, digest}
end
if sequence == ARGV[3] and digest == ARGV[5] then
  return {'SAME', epoch, sequence, digest}
end
if tonumber(ARGV[2]) ~= tonumber(sequence) + 1 then
  return {'GAP', epoch, sequence, digest}
end
if digest ~= ARGV[4] then
  return {'HASH', epoch, sequence, digest}
end

for stream = 3, #KEYS do
  if #redis.call('XRANGE', KEYS[stream], ARGV[4 * stream - 5] .. '-0', '+', 'COUNT', 1) > 0 then
    return {'INBOX', epoch, sequence, digest}
  end
end

redis.call('XADD', KEYS[2], ARGV[3] .. '-0', 'b', ARGV[6])
redis.call('HSET', KEYS[1], 'sequence', ARGV[3], 'digest', ARGV[5])
for stream = 3, #KEYS do
  local i = 4 * stream - 5
  redis.call('XADD', KEYS[stream], 'MINID', '~', ARGV[i + 2], ARGV[i + 1] .. '-0', 'b', ARGV[i + 3])
end
return {'OK', epoch, ARGV[3], ARGV[5]}
