-- include: time fence end-command
-- The runner takes the head of the list. The head stays on the list until it ends: a call whose reply was lost, or a
-- successor of this worker, is given the same command again and goes on with it.
-- KEYS session, lease, pending
-- ARGV prefix, tenant, session id, token, epoch, outcome of what waited too long (JSON), retention
-- Returns {'fenced'} | {'empty', n} | {'run', n, id, params, stored offset, input taken, what cancels it or ''}; n: how many
-- commands the session has had, this one and those behind it included.
if fenced(KEYS[2], ARGV[4], KEYS[1], ARGV[5]) then return { 'fenced' } end
local count = redis.call('HGET', KEYS[1], 'executionCount')
while true do
  local id = redis.call('LINDEX', KEYS[3], 0)
  if not id then return { 'empty', count } end
  local key = ARGV[1] .. ':command:' .. ARGV[2] .. ':' .. id
  local command = redis.call('HMGET', key, 'state', 'expiresAt', 'params', 'offset', 'inputTaken', 'cancel', 'kind')
  local now = iso(now_ms())
  if command[1] == 'queued' and command[2] >= now then
    redis.call('HSET', key, 'state', 'running', 'startedAt', now, 'epoch', ARGV[5])
    redis.call('PUBLISH', ARGV[1] .. ':events:' .. ARGV[3],
      cjson.encode({ type = 'command', commandId = id, kind = command[7], state = 'running' }))
    return { 'run', count, id, command[3], '0', '0', '' }
  elseif command[1] == 'running' then
    redis.call('HSET', key, 'epoch', ARGV[5])
    return { 'run', count, id, command[3], command[4] or '0', command[5] or '0', command[6] or '' }
  else
    end_command(ARGV[1], ARGV[2], ARGV[3], id, cjson.decode(ARGV[6]), ARGV[7])
  end
end
