-- include: time fence end-command end-session
-- The owner ends a session: its container is gone, or is about to be removed.
-- KEYS session, lease
-- ARGV prefix, session id, token, epoch, state, reason, outcomes (JSON) of running and of queued commands, retention
-- Returns 1 when the session has ended, 0 when it is no longer this worker's.
if fenced(KEYS[2], ARGV[3], KEYS[1], ARGV[4]) then return 0 end
end_session(ARGV[1], ARGV[2], ARGV[5], ARGV[6], ARGV[7], ARGV[8], ARGV[9])
return 1
