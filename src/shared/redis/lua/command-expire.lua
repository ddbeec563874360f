-- include: time fence end-command expire-commands
-- The runner ends what waited too long.
-- KEYS session, lease, pending
-- ARGV prefix, tenant, session id, token, epoch, outcome (JSON), retention
if fenced(KEYS[2], ARGV[4], KEYS[1], ARGV[5]) then return 0 end
expire_commands(ARGV[1], ARGV[2], ARGV[3], ARGV[6], ARGV[7])
return 1
