-- Ends a session for good: its commands by the given outcomes, its lists, its place among the living; the record stays
-- for the retention. Idempotent: a session that has ended stays as it is.
local function end_session(prefix, session_id, state, reason, running, queued, retention)
  local key = prefix .. ':session:' .. session_id
  local session = redis.call('HMGET', key, 'tenant', 'owner', 'state')
  local tenant, owner, before = session[1], session[2], session[3]
  if not before or before == 'Closed' or before == 'Failed' or before == 'Lost' then return false end
  if before == 'Closing' and state == 'Lost' then state = 'Closed' end

  for _, command_id in ipairs(redis.call('ZRANGE', key .. ':open', 0, -1)) do
    local command_state = redis.call('HGET', prefix .. ':command:' .. tenant .. ':' .. command_id, 'state')
    local outcome = cjson.decode(command_state == 'running' and running or queued)
    end_command(prefix, tenant, session_id, command_id, outcome, retention)
  end
  redis.call('HSET', key, 'state', state, 'closeReason', reason, 'endedAt', iso(now_ms()))
  redis.call('DEL', key .. ':pending', key .. ':open')
  redis.call('ZREM', prefix .. ':sessions:' .. tenant, session_id)
  redis.call('ZREM', prefix .. ':sessions:creating', session_id)
  if owner then redis.call('SREM', prefix .. ':worker:' .. owner .. ':sessions', session_id) end
  redis.call('EXPIRE', key, retention)
  redis.call('EXPIRE', key .. ':commands', retention)
  redis.call('PUBLISH', prefix .. ':events:' .. session_id,
    cjson.encode({ type = 'session', state = state, closeReason = reason }))
  return true
end
