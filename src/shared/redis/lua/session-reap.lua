-- include: time end-command end-session
-- Ends a session that no worker will end: unclaimed past its deadline, or of a worker that is dead. Looks at the lease
-- once more, since the worker may just have come back.
-- KEYS session
-- ARGV prefix, session id, state, reason, outcomes (JSON) of running and of queued commands, retention
-- Returns 1 when it has ended, 0 when its worker lives.
local session = redis.call('HMGET', KEYS[1], 'state', 'owner', 'deadline')
if not session[1] then
  redis.call('ZREM', ARGV[1] .. ':sessions:creating', ARGV[2])
  return 1
end
local owned = session[2] and redis.call('EXISTS', ARGV[1] .. ':worker:' .. session[2] .. ':lease') == 1
local past = session[1] == 'Creating' and session[3] < iso(now_ms())
if owned and not past then return 0 end
redis.call('HINCRBY', KEYS[1], 'epoch', 1)
end_session(ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7])
return 1
