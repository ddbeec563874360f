-- include: fence
-- Notes how much of its input a program has taken.
-- KEYS session, lease, command
-- ARGV token, epoch, offset
if fenced(KEYS[2], ARGV[1], KEYS[1], ARGV[2]) then return 0 end
if redis.call('HGET', KEYS[3], 'state') == 'running' then redis.call('HSET', KEYS[3], 'inputTaken', ARGV[3]) end
return 1
