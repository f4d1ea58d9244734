-- A token bucket. KEYS[1]: the bucket; ARGV[1]: tokens per minute, which is also how many it holds.
-- Returns 0 where a token was taken, else the milliseconds until there is one.
local rate = tonumber(ARGV[1])
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local kept = redis.call('HMGET', KEYS[1], 'tokens', 'at', 'rate')
local tokens, at = tonumber(kept[1]), tonumber(kept[2])
if tokens == nil or at == nil or tonumber(kept[3]) ~= rate then
  tokens, at = rate, now
end
tokens = math.min(rate, tokens + math.max(0, now - at) * rate / 60000)
local wait = 0
if tokens < 1 then
  wait = math.ceil((1 - tokens) * 60000 / rate)
else
  tokens = tokens - 1
end
redis.call('HSET', KEYS[1], 'tokens', string.format('%.6f', tokens), 'at', string.format('%.0f', now), 'rate', ARGV[1])
-- A bucket that nobody touched for so long is full.
redis.call('PEXPIRE', KEYS[1], 61000)
return wait
