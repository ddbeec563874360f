-- Gives up the lease, and says until when a successor is expected.
-- KEYS lease, worker
-- ARGV token, restartingUntil (ISO)
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[2], 'restartingUntil', ARGV[2])
redis.call('DEL', KEYS[1])
return 1
