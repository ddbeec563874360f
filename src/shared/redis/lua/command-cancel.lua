-- include: time end-command
-- A client cancels a command. A queued one ends here, with no worker; a running one is marked, so that a lost message
-- cannot lose it, and its worker told.
-- KEYS command
-- ARGV prefix, tenant, command id, how (JSON of signal and graceMs), outcome of a queued command (JSON), retention
-- Returns the state that it had, or nil when there is none.
local command = redis.call('HMGET', KEYS[1], 'state', 'sessionId')
local state, session_id = command[1], command[2]
if not state then return nil end
if state == 'queued' then
  end_command(ARGV[1], ARGV[2], session_id, ARGV[3], cjson.decode(ARGV[5]), ARGV[6])
elseif state == 'running' then
  redis.call('HSET', KEYS[1], 'cancel', ARGV[4])
  local owner = redis.call('HGET', ARGV[1] .. ':session:' .. session_id, 'owner')
  if owner then
    redis.call('XADD', ARGV[1] .. ':worker:' .. owner .. ':control', 'MAXLEN', '~', 10000, '*',
      'entry', cjson.encode({ type = 'cancel', sessionId = session_id, commandId = ARGV[3], cancel = cjson.decode(ARGV[4]) }))
  end
end
return state
