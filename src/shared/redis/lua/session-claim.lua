-- include: time
-- A worker takes a session that nobody has: atomic, since several are offered it.
-- KEYS session, lease of the worker, sessions of the worker
-- ARGV session id, worker id, lease token
-- Returns 1 when the session is this worker's now (epoch 1).
local session = redis.call('HMGET', KEYS[1], 'state', 'deadline', 'owner')
if session[1] ~= 'Creating' or session[3] or session[2] < iso(now_ms()) then return 0 end
if redis.call('GET', KEYS[2]) ~= ARGV[3] then return 0 end
redis.call('HSET', KEYS[1], 'owner', ARGV[2], 'epoch', 1)
redis.call('SADD', KEYS[3], ARGV[1])
return 1
