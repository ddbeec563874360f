-- Takes input for a program, at its offset only: a call that is sent again adds nothing.
-- KEYS command
-- ARGV prefix, command id, offset, length, most that may be untaken, control entry (JSON)
-- Returns {'taken', input offset} | {'unknown'} | {'ended', state} | {'closed'} | {'offset', input offset} | {'full', input offset}
local command = redis.call('HMGET', KEYS[1], 'state', 'sessionId', 'stdinOpen', 'inputOffset', 'inputTaken', 'inputEnded')
local state = command[1]
if not state then return { 'unknown' } end
if state ~= 'queued' and state ~= 'running' then return { 'ended', state } end
if command[3] ~= '1' then return { 'closed' } end
local input_offset, taken = tonumber(command[4]) or 0, tonumber(command[5]) or 0
local offset, length = tonumber(ARGV[3]), tonumber(ARGV[4])
local entry = cjson.decode(ARGV[6])
if offset + length <= input_offset and (offset < input_offset or command[6] == '1') and (not entry.eof or command[6] == '1') then
  return { 'taken', tostring(input_offset) }
end
if command[6] == '1' then return { 'closed' } end
if offset ~= input_offset then return { 'offset', tostring(input_offset) } end
if offset + length - taken > tonumber(ARGV[5]) then return { 'full', tostring(input_offset) } end
redis.call('HSET', KEYS[1], 'inputOffset', offset + length)
if entry.eof then redis.call('HSET', KEYS[1], 'inputEnded', '1') end
local owner = redis.call('HGET', ARGV[1] .. ':session:' .. command[2], 'owner')
if owner then
  entry.sessionId = command[2]
  redis.call('XADD', ARGV[1] .. ':worker:' .. owner .. ':control', '*', 'entry', cjson.encode(entry))
end
return { 'taken', tostring(offset + length) }
