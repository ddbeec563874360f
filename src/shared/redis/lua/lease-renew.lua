-- Renews the lease of a worker, or takes it (again) when nobody holds it: after an outage of Redis the same process goes on.
-- KEYS lease, worker, workers
-- ARGV token, milliseconds, worker id, fields (JSON)
-- Returns 1, or 0 when another process holds it.
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
local fields = {}
for name, value in pairs(cjson.decode(ARGV[4])) do
  fields[#fields + 1] = name
  fields[#fields + 1] = tostring(value)
end
redis.call('HSET', KEYS[2], unpack(fields))
redis.call('HDEL', KEYS[2], 'restartingUntil')
redis.call('EXPIRE', KEYS[2], 86400)
redis.call('SADD', KEYS[3], ARGV[3])
return 1
