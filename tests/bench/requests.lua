-- wrk's side of wrk.py: rotates through the requests of a file, whole and with a NUL between them.
--	wrk -s requests.lua URL -- FILE [PAUSE_MS]
local requests, at = {}, 0

function init(args)
	local file = assert(io.open(args[1], "rb"))
	for text in file:read("*a"):gmatch("[^%z]+") do
		table.insert(requests, text)
	end
	file:close()
	if args[2] then
		delay = function() return tonumber(args[2]) end
	end
end

function request()
	at = at % #requests + 1
	return requests[at]
end

function done(summary, latency)
	local e = summary.errors
	io.write(string.format("\nRESULT %d %d %d %d %d %d\n", summary.requests, summary.duration, latency:percentile(50),
		latency:percentile(99), e.status, e.connect + e.read + e.write + e.timeout))
end
