-- include: time
-- Accepts a command; its return is the acknowledgement. One step, so that a command is known, counted and in order, or
-- not there at all.
-- KEYS command, session, pending, open
-- ARGV command id, session id, request hash, most open commands, fields (JSON), prefix of the workers' bells
-- Returns {'accepted', owner, how many heard the bell} | {'joined', owner, state} | {'conflict'} | {'unknown'} | {'not-open', state, reason} | {'full'}
local session = redis.call('HMGET', KEYS[2], 'state', 'owner', 'closeReason')
local known = redis.call('HMGET', KEYS[1], 'requestHash', 'sessionId', 'state')
if known[1] then
  if known[1] ~= ARGV[3] or known[2] ~= ARGV[2] then return { 'conflict' } end
  return { 'joined', session[2] or '', known[3] }
end
if not session[1] then return { 'unknown' } end
if session[1] ~= 'Open' then return { 'not-open', session[1], session[3] or '' } end
if redis.call('ZCARD', KEYS[4]) >= tonumber(ARGV[4]) then return { 'full' } end

local now = now_ms()
local fields = { 'sessionId', ARGV[2], 'requestHash', ARGV[3], 'state', 'queued', 'queuedAt', iso(now) }
local given = cjson.decode(ARGV[5])
given.expiresAt = iso(now + given.queueTimeoutMs)
for name, value in pairs(given) do
  fields[#fields + 1] = name
  fields[#fields + 1] = tostring(value)
end
redis.call('HSET', KEYS[1], unpack(fields))
redis.call('ZADD', KEYS[4], now, ARGV[1])
redis.call('RPUSH', KEYS[3], ARGV[1])
redis.call('HINCRBY', KEYS[2], 'executionCount', 1)
redis.call('HSET', KEYS[2], 'lastActivity', iso(now))
-- The quick bell: a worker that listens is awake before the queue's job has been made. It may get lost; the job may not.
return { 'accepted', session[2], tostring(redis.call('PUBLISH', ARGV[6] .. session[2], ARGV[2])) }
