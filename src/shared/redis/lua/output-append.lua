-- include: time fence end-command
-- Stores output and, when given, the end of a running command: the one way in. Idempotent by offset: what lies below the
-- stored offset is dropped, so neither a call sent again nor a successor of a dead worker doubles a byte.
-- KEYS session, lease, command, output
-- ARGV prefix, tenant, session id, command id, token, epoch, retention, outcome (JSON) or '',
--      then per chunk: 'o' or 'e' (stdout, stderr), offset, bytes
-- Returns {'ok', commands still pending} | {'fenced'} | {'ended'}
if fenced(KEYS[2], ARGV[5], KEYS[1], ARGV[6]) then return { 'fenced' } end
local command = redis.call('HMGET', KEYS[3], 'state', 'offset', 'bytes', 'lastSeq', 'base', 'maxOutputBytes', 'keep', 'truncated')
if command[1] ~= 'running' then return { 'ended' } end
local offset, bytes, last_seq, base = tonumber(command[2]) or 0, tonumber(command[3]) or 0, tonumber(command[4]) or 0, tonumber(command[5]) or 1
local most, keep, truncated = tonumber(command[6]), command[7], command[8] == '1'
local channel = ARGV[1] .. ':events:' .. ARGV[3]

local function push(entry, payload)
  redis.call('RPUSH', KEYS[4], entry .. payload)
  last_seq = last_seq + 1
  local event = { type = 'output', commandId = ARGV[4], seq = last_seq }
  if #payload <= 4096 then
    event.inline = true
    redis.call('PUBLISH', channel, cjson.encode(event) .. '\n' .. entry .. payload)
  else
    redis.call('PUBLISH', channel, cjson.encode(event))
  end
end

-- Whether a UTF-8 character begins behind the first `cut` bytes, or the payload ends there.
local function is_boundary(payload, cut)
  local byte = string.byte(payload, cut + 1)
  return not byte or byte < 128 or byte >= 192
end

-- The beginning of a payload, `room` bytes long or up to 3 less (`step` -1) or more (1), so that it cuts no UTF-8 character.
-- Bytes that are none are cut anywhere.
local function whole_characters(payload, room, step)
  for cut = room, room + 3 * step, step do
    if cut < 0 then break end
    if is_boundary(payload, cut) then return string.sub(payload, 1, cut) end
  end
  return string.sub(payload, 1, room)
end

-- The entries of a payload. Since `keep: tail` drops whole ones, its are small beside what it keeps: first what goes again
-- at once, then the rest in about eight.
local function entries_of(payload)
  local entries = {}
  if keep == 'tail' then
    if #payload > most then
      entries[1] = whole_characters(payload, #payload - most, 1)
      payload = string.sub(payload, #entries[1] + 1)
    end
    local room = math.max(math.floor(most / 8), 4)
    while #payload > room do
      entries[#entries + 1] = whole_characters(payload, room, -1)
      payload = string.sub(payload, #entries[#entries] + 1)
    end
  end
  if #payload > 0 then entries[#entries + 1] = payload end
  return entries
end

for i = 9, #ARGV, 3 do
  local stream, at, payload = ARGV[i], tonumber(ARGV[i + 1]), ARGV[i + 2]
  local chunk_end = at + #payload
  if chunk_end > offset then
    if at < offset then
      payload = string.sub(payload, offset - at + 1)
      at = offset
    elseif at > offset then
      push('g' .. offset .. ':', tostring(at - offset))
    end
    offset = chunk_end
    -- Once something was left out, nothing follows it: what is kept has no hole.
    if keep == 'head' and (truncated or bytes + #payload > most) then
      payload = truncated and '' or whole_characters(payload, most - bytes, -1)
      truncated = true
    end
    for _, part in ipairs(entries_of(payload)) do
      push(stream .. string.format('%.0f', at) .. ':', part)
      at = at + #part
      bytes = bytes + #part
    end
    while bytes > most do
      local dropped = redis.call('LPOP', KEYS[4])
      base = base + 1
      truncated = true
      if string.sub(dropped, 1, 1) ~= 'g' then
        bytes = bytes - (#dropped - string.find(dropped, ':', 1, true))
      end
    end
  end
end
if #ARGV > 8 then
  redis.call('HSET', KEYS[3], 'offset', string.format('%.0f', offset), 'bytes', bytes, 'lastSeq', last_seq, 'base', base,
    'truncated', truncated and '1' or '0')
end
if ARGV[8] ~= '' then
  end_command(ARGV[1], ARGV[2], ARGV[3], ARGV[4], cjson.decode(ARGV[8]), ARGV[7])
end
return { 'ok', redis.call('LLEN', KEYS[1] .. ':pending') }
