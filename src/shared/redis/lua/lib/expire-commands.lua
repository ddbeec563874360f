-- Ends what waited too long in a session, wherever in its list. Needs time and end-command before it.
local function expire_commands(prefix, tenant, session_id, outcome, retention)
  local now = iso(now_ms())
  for _, id in ipairs(redis.call('LRANGE', prefix .. ':session:' .. session_id .. ':pending', 0, -1)) do
    local command = redis.call('HMGET', prefix .. ':command:' .. tenant .. ':' .. id, 'state', 'expiresAt')
    if command[1] == 'queued' and command[2] < now then
      end_command(prefix, tenant, session_id, id, cjson.decode(outcome), retention)
    end
  end
end
