-- include: time fence end-command
-- Ends what waited too long, wherever in the list.
-- KEYS session, lease, pending
-- ARGV prefix, tenant, session id, token, epoch, outcome (JSON), retention
if fenced(KEYS[2], ARGV[4], KEYS[1], ARGV[5]) then return 0 end
local now = iso(now_ms())
for _, id in ipairs(redis.call('LRANGE', KEYS[3], 0, -1)) do
  local command = redis.call('HMGET', ARGV[1] .. ':command:' .. ARGV[2] .. ':' .. id, 'state', 'expiresAt')
  if command[1] == 'queued' and command[2] < now then
    end_command(ARGV[1], ARGV[2], ARGV[3], id, cjson.decode(ARGV[6]), ARGV[7])
  end
end
return 1
