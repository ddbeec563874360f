-- include: time end-command expire-commands
-- Ends what waited too long in a session whose worker is not there: no runner does. Looks at the lease once more, since
-- the worker may just have come back, and then its runner may be about to start the command.
-- KEYS session, lease of its worker
-- ARGV prefix, session id, outcome (JSON), retention
if redis.call('EXISTS', KEYS[2]) == 1 then return 0 end
local tenant = redis.call('HGET', KEYS[1], 'tenant')
if tenant then expire_commands(ARGV[1], tenant, ARGV[2], ARGV[3], ARGV[4]) end
return 1
