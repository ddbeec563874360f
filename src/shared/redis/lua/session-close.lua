-- include: time end-command end-session
-- A client closes a session: queued commands end here, with no worker; running ones are marked and the worker told.
-- A session that no worker has claimed ends at once.
-- KEYS session, pending, open
-- ARGV prefix, session id, outcome of the queued commands (JSON), close reason, retention
-- Returns the state, or nil when there is none.
local session = redis.call('HMGET', KEYS[1], 'state', 'owner', 'tenant')
local state, owner, tenant = session[1], session[2], session[3]
if not state then return nil end
if state == 'Creating' and not owner then
  end_session(ARGV[1], ARGV[2], 'Closed', ARGV[4], ARGV[3], ARGV[3], ARGV[5])
  return 'Closed'
end
if state ~= 'Open' and state ~= 'Creating' then return state end

for _, command_id in ipairs(redis.call('ZRANGE', KEYS[3], 0, -1)) do
  local command = ARGV[1] .. ':command:' .. tenant .. ':' .. command_id
  if redis.call('HGET', command, 'state') == 'queued' then
    end_command(ARGV[1], tenant, ARGV[2], command_id, cjson.decode(ARGV[3]), ARGV[5])
  else
    redis.call('HSET', command, 'cancel', 'close')
  end
end
redis.call('HSET', KEYS[1], 'state', 'Closing', 'closeReason', ARGV[4])
redis.call('PUBLISH', ARGV[1] .. ':events:' .. ARGV[2], cjson.encode({ type = 'session', state = 'Closing' }))
redis.call('XADD', ARGV[1] .. ':worker:' .. owner .. ':control', 'MAXLEN', '~', 10000, '*',
  'entry', cjson.encode({ type = 'close', sessionId = ARGV[2] }))
return 'Closing'
