-- The first part of every script. KEYS[1] is the prefix of all keys of one board; it carries the hash tag,
-- so that a cluster keeps them together. Times and spans are microseconds, times since 1970.
--
--   artifacts          hash    id -> body
--   by:all, by:KIND:X  sorted  position -> id; a position is the time of publication, or one more than the last
--   position           string  the last one
--   lateness           string  the most by which a position is later than its artifact
--   uses               hash    id -> how many deliveries and dead letters name it; none: it is not there
--   subscribers        hash    agent -> body            subscribers:order  hash  agent -> number
--   subscribers:version, subscribers:count              counters
--   delivery:NAME      hash    agent artifacts rank attempt held until error; those that there are of
--                              base       attempts that do not count
--                              gathering  the group that it is to go into, as JSON; since: when it did
--                              sets       how many artifacts each of its joined sets has, as JSON
--   place              counter of deliveries
--   inbox:AGENT        sorted  rank -> name of what is ready
--   group:AGENT:GROUP:SLOT     sorted  place -> name of what is gathered
--   timers             sorted  time -> name of what waits, is held, or is gathered
--   pending            hash    agent -> deliveries waiting, gathered, ready or held
--   finished:LEASE     string  ids of the results, expires
--   dead, dead:order   hash, sorted
--   aside              set     keys of a restore that has not ended; aside:KEY  what becomes KEY when it has
--
-- A script that fails takes back what it has written: see `redis_undo.lua`.
--
-- When memory is full, Redis refuses the first write of a script that needs more, and nothing has happened
-- then; what has written may go on. So what frees memory, or must not stop, begins by deleting something.
local P = KEYS[1]
local MOST_ARGUMENTS = 1000 -- Lua's stack holds no more than 8000; even, since some are pairs

-- Which of the keys that every board has a script is about to change: names after the prefix, by kind. They are
-- looked at before anything is written; what is met later is taken back.
local KINDS = {
  artifacts = 'hash', uses = 'hash', subscribers = 'hash', ['subscribers:order'] = 'hash', pending = 'hash',
  dead = 'hash', position = 'string', lateness = 'string', ['subscribers:version'] = 'string',
  ['subscribers:count'] = 'string', place = 'string', timers = 'zset', ['dead:order'] = 'zset', aside = 'set',
}
local function about(...)
  for _, name in ipairs({...}) do
    expect(KINDS[name], P .. name)
  end
end

-- A command on one key with any number of arguments.
local function call(command, key, arguments)
  for first = 1, #arguments, MOST_ARGUMENTS do
    local last = math.min(first + MOST_ARGUMENTS - 1, #arguments)
    redis.call(command, key, unpack(arguments, first, last))
  end
end

local function append(list, more)
  for _, one in ipairs(more) do
    list[#list + 1] = one
  end
end

-- As an argument: Lua would write great numbers with an exponent.
local function whole(number)
  return string.format('%.0f', number)
end

-- The artifacts by id, false where there is none.
local function bodies(ids)
  local found = {}
  for first = 1, #ids, MOST_ARGUMENTS do
    local last = math.min(first + MOST_ARGUMENTS - 1, #ids)
    append(found, redis.call('HMGET', P .. 'artifacts', unpack(ids, first, last)))
  end
  return found
end

-- Tell all servers whose inbox got something; the message is the agents' names, one a line.
local function wake(agents)
  local names = {}
  for agent in pairs(agents) do
    names[#names + 1] = agent
  end
  redis.call('PUBLISH', P .. 'wake', table.concat(names, '\n'))
end
