-- include: time
-- Writes a session as Creating and, for execution.run, its one command with it; both or neither, so that a killed API
-- node leaves no half.
-- KEYS session, sessions of the tenant, sessions:creating, command, pending, open, idempotency key
-- ARGV session id, tenant, deadline in ms from now, most sessions that may wait, session fields (JSON),
--      command id or '', command fields (JSON), request hash or '' (no idempotency key), seconds that it is remembered
-- Returns 'created', 'overloaded' or 'taken' (the command id or the idempotency key).
if ARGV[6] ~= '' and redis.call('EXISTS', KEYS[4]) == 1 then return 'taken' end
if ARGV[8] ~= '' and redis.call('EXISTS', KEYS[7]) == 1 then return 'taken' end
if redis.call('ZCARD', KEYS[3]) >= tonumber(ARGV[4]) then return 'overloaded' end

local now = now_ms()
local deadline = now + tonumber(ARGV[3])
local fields = { 'tenant', ARGV[2], 'state', 'Creating', 'deadline', iso(deadline), 'epoch', 0,
  'createdAt', iso(now), 'lastActivity', iso(now), 'executionCount', ARGV[6] == '' and 0 or 1 }
for name, value in pairs(cjson.decode(ARGV[5])) do
  fields[#fields + 1] = name
  fields[#fields + 1] = tostring(value)
end
redis.call('HSET', KEYS[1], unpack(fields))
redis.call('ZADD', KEYS[3], deadline, ARGV[1])
if ARGV[8] ~= '' then
  redis.call('HSET', KEYS[7], 'sessionId', ARGV[1], 'requestHash', ARGV[8])
  redis.call('EXPIRE', KEYS[7], ARGV[9])
end

if ARGV[6] == '' then
  redis.call('ZADD', KEYS[2], now, ARGV[1])
  return 'created'
end
local command = { 'sessionId', ARGV[1], 'state', 'queued', 'queuedAt', iso(now) }
for name, value in pairs(cjson.decode(ARGV[7])) do
  command[#command + 1] = name
  command[#command + 1] = tostring(value)
end
redis.call('HSET', KEYS[4], unpack(command))
redis.call('HSET', KEYS[4], 'expiresAt', iso(now + tonumber(redis.call('HGET', KEYS[4], 'queueTimeoutMs'))))
redis.call('RPUSH', KEYS[5], ARGV[6])
redis.call('ZADD', KEYS[6], now, ARGV[6])
return 'created'
