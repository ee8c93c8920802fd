-- wrk's side of load.py: rotates through the requests of a file and counts the answers that are not the expected ones.
--	wrk -s requests.lua URL -- REQUESTS_FILE EXPECTED_STATUS
-- Each line of the file: method, path, headers ("Name: value", tab between them), and the name of the body's file or "-",
-- with tabs between all of them.
local threads = {}

function setup(thread)
	table.insert(threads, thread)
end

local function read(path)
	local file = assert(io.open(path, "rb"))
	local text = file:read("*a")
	file:close()
	return text
end

local made, at = {}, 0

function init(args)
	served, bad, first_bad = 0, 0, ""
	expected = tonumber(args[2])
	for line in io.lines(args[1]) do
		local fields, headers = {}, {}
		for field in line:gmatch("[^\t]+") do
			table.insert(fields, field)
		end
		for i = 3, #fields - 1 do
			local name, value = fields[i]:match("^(.-): (.*)$")
			headers[name] = value
		end
		local body = fields[#fields]
		table.insert(made, wrk.format(fields[1], fields[2], headers, body ~= "-" and read(body) or nil))
	end
end

function request()
	at = at % #made + 1
	return made[at]
end

function response(status, _, body)
	served = served + 1
	if status ~= expected then
		bad = bad + 1
		if first_bad == "" then
			first_bad = status .. " " .. body:gsub("%s+", " "):sub(1, 60)
		end
	end
end

function done(summary, latency)
	local e = summary.errors
	local all_served, all_bad, first = 0, 0, ""
	for _, thread in ipairs(threads) do
		all_served = all_served + thread:get("served")
		all_bad = all_bad + thread:get("bad")
		first = first ~= "" and first or thread:get("first_bad")
	end
	io.write(string.format("\nRESULT\t%d\t%d\t%d\t%d\t%d\t%s\n", all_served, all_bad, e.connect + e.read + e.write,
		e.timeout, latency.max, first))
end
