-- What wrk sends and how it reports; read by wrk.ts, which passes: mix, seed, pause in milliseconds, number of services.
--   alike    the one request that wrk builds from the URL
--   varied   4096 requests made before the start, sent in turn: path, query and cookie differ in each
--   clients  as varied, with an X-Forwarded-For of one of 1000 addresses
--   services as varied, with host and path of one of so many routes of bench/scale/input.ts
-- With a pause each connection waits pause * (0.5 to 1.5) before its next request: a rate below the peak.

local list, at = {}, 0

local function words(random, count)
  local text = {}
  for index = 1, count do text[index] = string.format('%08x', random(0, 0x7fffffff)) end
  return table.concat(text)
end

-- What service number n is asked for: the twin of serviceRoute() in bench/scale/input.ts.
local function service(n)
  local host = 'any.example'
  if n % 3 == 1 then host = string.format('host%d.example.com', n % 50) end
  if n % 3 == 2 then host = string.format('a.zone%d.example.com', n % 20) end
  return host, string.format('/service%d', n)
end

function init(args)
  local mix, seed, pause = args[1] or 'alike', tonumber(args[2] or 1), tonumber(args[3] or 0)
  local services = tonumber(args[4] or 1)
  local random = math.random
  math.randomseed(seed)
  if mix ~= 'alike' then
    for index = 1, 4096 do
      local headers = { Host = wrk.headers['Host'], Cookie = 'session=' .. words(random, 4) .. '; theme=dark' }
      if mix == 'clients' then
        headers['X-Forwarded-For'] = string.format('198.51.%d.%d', random(100, 103), random(1, 250))
      end
      local root = wrk.path
      if mix == 'services' then headers['Host'], root = service(random(0, services - 1)) end
      local path = string.format('%s/%d/%s?q=%s&page=%d', root, random(1, 1000000), words(random, 1),
        words(random, 1), random(1, 50))
      list[index] = wrk.format('GET', path, headers)
    end
    request = function()
      at = at % #list + 1
      return list[at]
    end
  end
  if pause > 0 then
    delay = function() return random(math.floor(pause / 2), math.ceil(pause * 1.5)) end
  end
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\n@result {"requests":%d,"bytes":%d,"durationUs":%d,"connectErrors":%d,"readErrors":%d,"writeErrors":%d,' ..
    '"statusErrors":%d,"timeouts":%d,"meanUs":%.1f,"p50Us":%d,"p90Us":%d,"p99Us":%d,"maxUs":%d}\n',
    summary.requests, summary.bytes, summary.duration, errors.connect, errors.read, errors.write, errors.status,
    errors.timeout, latency.mean, latency:percentile(50), latency:percentile(90), latency:percentile(99),
    latency.max))
end
