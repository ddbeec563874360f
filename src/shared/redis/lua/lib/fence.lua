-- Who lost the lease of the worker or the epoch of the session changes nothing more.
local function fenced(lease_key, token, session_key, epoch)
  return redis.call('GET', lease_key) ~= token or redis.call('HGET', session_key, 'epoch') ~= epoch
end
