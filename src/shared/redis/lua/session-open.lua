-- include: time fence
-- Creating -> Open, when its container is up. Who is told 0 removes the container.
-- KEYS session, lease, sessions:creating
-- ARGV session id, token, epoch, container id, events channel, maximum lifetime in ms
if fenced(KEYS[2], ARGV[2], KEYS[1], ARGV[3]) then return 0 end
local session = redis.call('HMGET', KEYS[1], 'state', 'deadline', 'containerId')
if session[1] == 'Open' and session[3] == ARGV[4] then return 1 end -- this very call, sent again
local now = now_ms()
if session[1] ~= 'Creating' or session[2] < iso(now) then return 0 end
-- From here on the deadline is that of the session's life.
redis.call('HSET', KEYS[1], 'state', 'Open', 'containerId', ARGV[4], 'lastActivity', iso(now),
  'deadline', iso(now + tonumber(ARGV[6])))
redis.call('ZREM', KEYS[3], ARGV[1])
redis.call('PUBLISH', ARGV[5], cjson.encode({ type = 'session', state = 'Open' }))
return 1
