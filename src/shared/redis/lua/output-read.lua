-- Reads a part of the output, at an index that holds still: `keep: tail` drops from the left, which moves every index.
-- KEYS command, output
-- ARGV from seq, count
-- Returns {base, entries}; they begin at the larger of the two.
local base = tonumber(redis.call('HGET', KEYS[1], 'base')) or 1
local from = math.max(tonumber(ARGV[1]), base) - base
return { base, redis.call('LRANGE', KEYS[2], from, from + tonumber(ARGV[2]) - 1) }
