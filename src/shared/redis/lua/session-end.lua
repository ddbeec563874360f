-- include: time fence end-command end-session
-- The owner ends a session: its container is gone, or is about to be removed.
-- KEYS session, lease
-- ARGV prefix, session id, token, epoch, state, reason, outcomes (JSON) of running and of queued commands, retention,
--      for how many ms it must have been idle or ''
-- Returns 'ended', 'fenced' when it is no longer this worker's, or 'busy' when it has not been idle: a command that was
-- accepted just now is not lost to the idle timeout.
if fenced(KEYS[2], ARGV[3], KEYS[1], ARGV[4]) then return 'fenced' end
if ARGV[10] ~= '' then
  local since = iso(now_ms() - tonumber(ARGV[10]))
  if redis.call('ZCARD', KEYS[1] .. ':open') > 0 or redis.call('HGET', KEYS[1], 'lastActivity') > since then
    return 'busy'
  end
end
end_session(ARGV[1], ARGV[2], ARGV[5], ARGV[6], ARGV[7], ARGV[8], ARGV[9])
return 'ended'
