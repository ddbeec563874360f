-- include: fence
-- A background command has begun: those behind it need not wait for its end.
-- KEYS session, lease, pending
-- ARGV token, epoch, command id
-- Returns how many commands are pending.
if fenced(KEYS[2], ARGV[1], KEYS[1], ARGV[2]) then return 0 end
redis.call('LREM', KEYS[3], 1, ARGV[3])
return redis.call('LLEN', KEYS[3])
