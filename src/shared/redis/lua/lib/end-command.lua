-- Ends a command: the one place where a record becomes terminal. Idempotent: a terminal record stays as it is.
-- outcome: the fields of the verdict (state, fault, ...). Without the lists of its session where that is gone.
local function end_command(prefix, tenant, session_id, command_id, outcome, retention)
  local key = prefix .. ':command:' .. tenant .. ':' .. command_id
  local output = prefix .. ':output:' .. tenant .. ':' .. command_id
  local session = prefix .. ':session:' .. session_id
  local state = redis.call('HGET', key, 'state')
  redis.call('LREM', session .. ':pending', 1, command_id)
  redis.call('ZREM', session .. ':open', command_id)
  if state ~= 'queued' and state ~= 'running' then return false end

  local now = now_ms()
  outcome.endedAt = iso(now)
  -- Written anew, less what only an open command needs: a hash that once held a long value (params) would never again be
  -- stored compactly, and take twice the memory for the time of its retention.
  local kept = redis.call('HGETALL', key)
  local fields = {}
  local dropped = { params = true, cancel = true, queueTimeoutMs = true, expiresAt = true,
    stdinOpen = true, inputOffset = true, inputTaken = true, inputEnded = true }
  for i = 1, #kept, 2 do
    if not dropped[kept[i]] then
      fields[#fields + 1] = kept[i]
      fields[#fields + 1] = kept[i + 1]
    end
  end
  for name, value in pairs(outcome) do
    fields[#fields + 1] = name
    fields[#fields + 1] = tostring(value)
  end
  redis.call('DEL', key)
  redis.call('HSET', key, unpack(fields))
  redis.call('EXPIRE', key, retention)
  redis.call('EXPIRE', output, retention)
  redis.call('ZADD', session .. ':commands', now, command_id)
  redis.call('ZREMRANGEBYRANK', session .. ':commands', 0, -201)
  if redis.call('EXISTS', session) == 1 then redis.call('HSET', session, 'lastActivity', outcome.endedAt) end

  outcome.type = 'command'
  outcome.commandId = command_id
  local counts = redis.call('HMGET', key, 'lastSeq', 'base', 'truncated')
  outcome.lastSeq, outcome.base, outcome.truncated = counts[1] or '0', counts[2] or '1', counts[3] or '0'
  if outcome.result and #outcome.result > 4096 then
    outcome.result = nil
    outcome.resultInRecord = true
  end
  redis.call('PUBLISH', prefix .. ':events:' .. session_id, cjson.encode(outcome))
  return true
end
