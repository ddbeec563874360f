-- include: time
-- Raises the epoch of a session for a worker that takes over its container: what an earlier process still sends is void.
-- KEYS session, lease
-- ARGV worker id, token
-- Returns the new epoch, or 0.
if redis.call('GET', KEYS[2]) ~= ARGV[2] or redis.call('HGET', KEYS[1], 'owner') ~= ARGV[1] then return 0 end
local state = redis.call('HGET', KEYS[1], 'state')
if state ~= 'Open' and state ~= 'Closing' then return 0 end
return redis.call('HINCRBY', KEYS[1], 'epoch', 1)
