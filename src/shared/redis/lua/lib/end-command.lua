-- Ends a command: the one place where a record becomes terminal. Idempotent: a terminal record stays as it is.
-- outcome: the fields of the verdict (state, fault, ...). Without the lists of its session where that is gone.
local function end_command(prefix, tenant, session_id, command_id, outcome, retention)
  local key = prefix .. ':command:' .. tenant .. ':' .. command_id
  local output = prefix .. ':output:' .. tenant .. ':' .. command_id
  local session = prefix .. ':session:' .. session_id
  local stored = redis.call('HGETALL', key)
  local command = {}
  for i = 1, #stored, 2 do command[stored[i]] = stored[i + 1] end
  redis.call('LREM', session .. ':pending', 1, command_id)
  redis.call('ZREM', session .. ':open', command_id)
  if command.state ~= 'queued' and command.state ~= 'running' then return false end

  local now = now_ms()
  outcome.endedAt = iso(now)
  for name, value in pairs(outcome) do command[name] = tostring(value) end
  -- Written anew, less what only an open command needs: a hash that once held a long value (params) would never again be
  -- stored compactly, and take twice the memory for the time of its retention.
  command.params, command.cancel, command.queueTimeoutMs, command.expiresAt = nil, nil, nil, nil
  command.stdinOpen, command.inputOffset, command.inputTaken, command.inputEnded = nil, nil, nil, nil
  local fields = {}
  for name, value in pairs(command) do
    fields[#fields + 1] = name
    fields[#fields + 1] = value
  end
  redis.call('DEL', key)
  redis.call('HSET', key, unpack(fields))
  redis.call('EXPIRE', key, retention)
  if command.lastSeq then redis.call('EXPIRE', output, retention) end
  redis.call('ZADD', session .. ':commands', now, command_id)
  redis.call('ZREMRANGEBYRANK', session .. ':commands', 0, -201)
  if redis.call('EXISTS', session) == 1 then redis.call('HSET', session, 'lastActivity', outcome.endedAt) end

  outcome.type = 'command'
  outcome.commandId = command_id
  outcome.lastSeq, outcome.base, outcome.truncated = command.lastSeq or '0', command.base or '1', command.truncated or '0'
  if outcome.result and #outcome.result > 4096 then
    outcome.result = nil
    outcome.resultInRecord = true
  end
  redis.call('PUBLISH', prefix .. ':events:' .. session_id, cjson.encode(outcome))
  return true
end
