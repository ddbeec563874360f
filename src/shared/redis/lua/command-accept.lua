-- include: time
-- Accepts a command; its return is the acknowledgement. One step, so that a command is known, counted and in order, or
-- not there at all.
--
-- It rings the quick bell itself. Where nothing is before the command and its worker listens, the command is handed over
-- with the bell and is `running` from here on, as if the worker had taken it: one round trip less. A bell that gets lost
-- all the same delays it, since a running head of the list is handed out again by take.
-- KEYS command, session, pending, open
-- ARGV prefix, command id, session id, request hash, most open commands, longest params that a bell carries,
--      queue timeout in ms, kind, params, then further fields and their values
-- Returns {'accepted', owner, how many heard the bell} | {'joined', owner, state} | {'conflict'} | {'unknown'} | {'not-open', state, reason} | {'full'}
local session = redis.call('HMGET', KEYS[2], 'state', 'owner', 'epoch', 'executionCount', 'closeReason')
local known = redis.call('HMGET', KEYS[1], 'requestHash', 'sessionId', 'state')
if known[1] then
  if known[1] ~= ARGV[4] or known[2] ~= ARGV[3] then return { 'conflict' } end
  return { 'joined', session[2] or '', known[3] }
end
if not session[1] then return { 'unknown' } end
if session[1] ~= 'Open' then return { 'not-open', session[1], session[5] or '' } end
if redis.call('ZCARD', KEYS[4]) >= tonumber(ARGV[5]) then return { 'full' } end

local now = now_ms()
local queued_at = iso(now)
local ordinal = string.format('%d', session[4] + 1)
redis.call('HSET', KEYS[2], 'executionCount', ordinal, 'lastActivity', queued_at)
redis.call('ZADD', KEYS[4], now, ARGV[2])
local is_head = redis.call('RPUSH', KEYS[3], ARGV[2]) == 1
local bell = ARGV[3]
if is_head and #ARGV[9] <= tonumber(ARGV[6]) then
  bell = table.concat({ ARGV[3], ARGV[2], session[3], ordinal, ARGV[9] }, '\n')
end
local heard = redis.call('PUBLISH', ARGV[1] .. ':bell:' .. session[2], bell)

local fields = { 'sessionId', ARGV[3], 'requestHash', ARGV[4], 'queuedAt', queued_at, 'kind', ARGV[8], 'params', ARGV[9] }
if heard > 0 and bell ~= ARGV[3] then
  fields[11], fields[12], fields[13], fields[14], fields[15], fields[16] =
    'state', 'running', 'startedAt', queued_at, 'epoch', session[3]
  redis.call('PUBLISH', ARGV[1] .. ':events:' .. ARGV[3],
    cjson.encode({ type = 'command', commandId = ARGV[2], kind = ARGV[8], state = 'running' }))
else
  fields[11], fields[12], fields[13], fields[14] = 'state', 'queued', 'expiresAt', iso(now + tonumber(ARGV[7]))
end
for i = 10, #ARGV do fields[#fields + 1] = ARGV[i] end
redis.call('HSET', KEYS[1], unpack(fields))
return { 'accepted', session[2], tostring(heard) }
