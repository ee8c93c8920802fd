#!/bin/bash
# From nothing to a published post and a paid plan: installs what is missing, builds, starts a private stack, and does with
# curl what a user would do. Stays up until Ctrl-C.
#
#	tests/demo.sh [--once] [--https PORT] [--http PORT] [--build DIR]
#
# --once ends everything once all is done. --build uses a meson build folder that is already built.
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/packages.sh

once='' https=8443 http=8080 build=''
while [ $# -gt 0 ]; do
	case $1 in
	--once) once=yes; shift ;;
	--https | --http | --build)
		[ $# -ge 2 ] || { echo "$1 needs a value" >&2; exit 2; }
		printf -v "${1#--}" %s "$2"; shift 2 ;;
	*) sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0" >&2; exit 2 ;;
	esac
done

for port in "$https" "$http"; do
	if [ "$port" != 0 ] && (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
		echo "Port $port is in use: another demo or another program is running there." >&2
		echo "Stop it, or choose other ports: tests/demo.sh --https 9443 --http 9080" >&2
		exit 1
	fi
done

dir=
started_sec=$SECONDS
stop() {
	code=$?
	trap - EXIT
	trap '' INT TERM  # once is enough
	if [ -n "$dir" ]; then
		[ -n "$once" ] || echo "Stopping the stack ..." >&2
		tests/stack.sh down --dir "$dir" >/dev/null 2>&1 || echo "tests/stack.sh down --dir $dir failed" >&2
		home=$(readlink "$dir/home" || true)
		rm -rf "$dir" ${home:+"$home"}
	fi
	exit "$code"
}
trap stop EXIT
trap 'exit 130' INT TERM

heading() { printf '\n== %s\n' "$*"; }

# Shows a command and runs exactly that; its output is in $out.
run() {
	printf '$ %s\n' "$1"
	if ! out=$(eval "$1"); then
		printf '%s\n' "$out" >&2
		fail "the command above failed"
	fi
}

fail() {
	printf 'FAILED: %s\n' "$1" >&2
	for log in "$dir"/log/*.log; do
		case $log in */access.log | */mariadb.log) continue ;; esac
		printf -- '--- the end of %s\n' "$log" >&2
		tail -n 5 "$log" >&2
	done
	exit 1
}

result() { printf '  -> %s\n' "$*"; }

heading "Debian packages"
packages_install $packages_demo
result "all installed"

if [ -z "$build" ]; then
	build=build-demo
	heading "Build (in $build)"
	exec 9<.
	flock 9  # two at once would build into the same folder
	[ -f "$build/build.ninja" ] || /usr/bin/meson setup "$build" . --buildtype=debugoptimized
	/usr/bin/ninja -C "$build"
	exec 9<&-
fi

heading "A private stack: MariaDB, nginx, all programs"
dir=$(mktemp -d "${TMPDIR:-/tmp}/mcli-demo.XXXXXX")
tests/stack.sh up --dir "$dir" --https "$https" --http "$http" --build "$build" --set sandbox.moderation_sec=0
https=$(sed -n 's/^https //p' "$dir/ports")

heading "Photographs"
PHOTOS=$dir/photos
mkdir "$PHOTOS"
PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=tests/api /usr/bin/python3 - "$PHOTOS" <<'PYTHON'
import pathlib, sys
from images import jpeg, png
photos = pathlib.Path(sys.argv[1])
(photos / "harbour.jpg").write_bytes(jpeg(2400, 1600, orientation=6, exif=True))
(photos / "skyline.png").write_bytes(png(4000, 3000))
PYTHON
result "harbour.jpg: $(stat -c %s "$PHOTOS/harbour.jpg") bytes, 2400 x 1600, rotated by 90 degrees in its EXIF data, which also holds a location"
result "skyline.png: $(stat -c %s "$PHOTOS/skyline.png") bytes, 4000 x 3000"

SITE=https://localhost:$https
API=$SITE/api/v1
SANDBOX=https://sandbox.localhost:$https
CA=$dir/ca.crt
COOKIES=$dir/cookies
HEADERS=$dir/headers
ADMIN=$build/tools/admin/marketingcli-admin
export MARKETINGCLI_CONF=$dir/conf
EMAIL=demo.$(date +%s)@example.com
PASSWORD=$(head -c 12 /dev/urandom | base64)
(umask 077; : >"$COOKIES")

heading "Variables in the calls below"
cat <<VARIABLES
SITE=$SITE API=\$SITE/api/v1 SANDBOX=$SANDBOX
CA=$CA COOKIES=$COOKIES HEADERS=$HEADERS PHOTOS=$PHOTOS
ADMIN=$ADMIN MARKETINGCLI_CONF=$MARKETINGCLI_CONF
EMAIL=$EMAIL PASSWORD=...
VARIABLES

heading "Make the first account, as an admin does: it takes no mail"
run '"$ADMIN" user create "$EMAIL" --name Ada --password-stdin <<<"$PASSWORD"'
result "$out"

heading "Sign in"
run 'curl -sS --fail-with-body --cacert "$CA" -c "$COOKIES" "$API/auth/login" --json "{\"email\":\"$EMAIL\",\"password\":\"$PASSWORD\"}"'
run 'curl -sS --fail-with-body --cacert "$CA" -b "$COOKIES" "$API/me"'
result "$(jq -c '.data | {id, email}' <<<"$out")"

heading "Somebody else registers. This stack has no mail relay, so each mail is a file for a day, in MAILS=$dir/mail"
MAILS=$dir/mail NEWCOMER=new.$EMAIL
run 'curl -sS --fail-with-body --cacert "$CA" "$API/auth/register" --json "{\"email\":\"$NEWCOMER\"}"'
result "$(jq -c .data <<<"$out")"
end=$((SECONDS + 90))
until MAIL=$(grep -l -s "^To: <$NEWCOMER>$" "$MAILS"/*.eml); do
	[ $SECONDS -lt $end ] || fail "no mail to $NEWCOMER after 90 s"
	sleep 0.3
done
result "MAIL=$MAIL: $(sed -n 's/^Subject: //p' "$MAIL")"
TOKEN=$(sed -n "s,^$SITE/verify-email#\([0-9A-Za-z]*\)$,\1,p" "$MAIL" | head -n 1)
run 'curl -sS --fail-with-body --cacert "$CA" "$API/auth/verify-email" --json "{\"token\":\"$TOKEN\",\"password\":\"$PASSWORD\"}"'
result "$(jq -c '.data | {id, email}' <<<"$out")"

heading "Make an API key that may see accounts, make and see posts, and see what it was used for"
run 'curl -sS --fail-with-body --cacert "$CA" -b "$COOKIES" -H "Origin: $SITE" "$API/keys" --json "{\"name\":\"demo\",\"scopes\":[\"accounts:read\",\"posts:read\",\"posts:write\",\"usage:read\"]}"'
KEY=$(jq -r .data.key <<<"$out")
KEY_ID=$(jq -r .data.id <<<"$out")
result "KEY=${KEY:0:12}... (shown once; $(jq -r '.data | .name, (.scopes | join(" "))' <<<"$out" | paste -sd ' '))"

heading "Connect a TikTok account (the simulator's; curl fills in the consent form that a person would)"
run 'curl -sS --cacert "$CA" -b "$COOKIES" -o /dev/null -w "%{redirect_url}" "$API/tiktok/connect"'
AUTHORIZE=$out
[[ $AUTHORIZE == "$SANDBOX"/v2/auth/authorize/* ]] || fail "this is not the consent page: $AUTHORIZE"
result "AUTHORIZE=${AUTHORIZE%%\?*}?..."
run 'curl -sS --fail-with-body --cacert "$CA" "$AUTHORIZE" | grep -o "<title>.*</title>"'
result "$out"
run 'curl -sS --cacert "$CA" -o /dev/null -w "%{redirect_url}" "$SANDBOX/v2/auth/authorize/" -d "${AUTHORIZE#*\?}" -d username=harbour.lights -d grant=user.info.basic -d grant=video.publish -d grant=video.upload -d decision=allow'
CALLBACK=$out
[[ $CALLBACK == "$API"/tiktok/callback?* ]] || fail "the simulator did not send us back: $CALLBACK"
result "CALLBACK=${CALLBACK%%\?*}?..."
run 'curl -sS --fail-with-body --cacert "$CA" -b "$COOKIES" "$CALLBACK"'
result "connected"
run 'curl -sS --fail-with-body --cacert "$CA" -H "Authorization: Bearer $KEY" "$API/accounts?platform=tiktok"'
ACCOUNT=$(jq -r '.data[0].id' <<<"$out")
result "ACCOUNT=$ACCOUNT ($(jq -r '.data[0].display_name' <<<"$out"))"

heading "Post two photographs, with an Idempotency-Key"
post='curl -sS --fail-with-body --cacert "$CA" -D "$HEADERS" -H "Authorization: Bearer $KEY" -H "Idempotency-Key: demo" "$API/accounts/$ACCOUNT/posts" -F "images=@$PHOTOS/harbour.jpg" -F "images=@$PHOTOS/skyline.png" -F "title=Harbour lights" -F "description=Two photographs, one call." -F "platform_options={\"post_mode\":\"DIRECT_POST\",\"privacy_level\":\"PUBLIC_TO_EVERYONE\"}"'
run "$post"
POST=$(jq -r .data.id <<<"$out")
result "POST=$POST, $(jq -r .data.status <<<"$out")"
jq -r '.data.images[] | "  -> image: \(.width) x \(.height), \(.changes | join(", "))"' <<<"$out"

heading "The same again, as a client does that has lost the answer"
run "$post"
[ "$(jq -r .data.id <<<"$out")" = "$POST" ] || fail "this is another post: $out"
result "the same post; $(grep -i '^idempotent-replayed:' "$HEADERS" | tr -d '\r')"

# Asks with this call until the post is published; $out is then the answer.
until_published() {
	local state last= end=$((SECONDS + 90))
	printf '$ %s\n' "$1"
	while :; do
		out=$(eval "$1") || fail "$out"
		state=$(jq -r .data.status <<<"$out")
		[ "$state" = "$last" ] || result "$state"
		last=$state
		case $state in
		published) return ;;
		failed | canceled) fail "$(jq -c '.data.failure' <<<"$out")" ;;
		esac
		[ $SECONDS -lt $end ] || fail "still $state after 90 s"
		sleep 0.3
	done
}

heading "Wait until it is published"
until_published 'curl -sS --fail-with-body --cacert "$CA" -H "Authorization: Bearer $KEY" "$API/posts/$POST"'
URL=$(jq -r '.data.post_url // empty' <<<"$out")
[ -n "$URL" ] || fail "the published post has no address: $out"
heading "The receipt"
jq -r '.data.events[] | "  -> \(.at) \(.event) (\(.status))"' <<<"$out"

heading "The post at the simulator"
run 'curl -sS --fail-with-body --cacert "$CA" -o /dev/null -w "%{http_code}" "$URL"'
[ "$out" = 200 ] || fail "$URL answers $out"
result "$out"

heading "Give the key a new secret; the old one works for an hour more"
run 'curl -sS --fail-with-body --cacert "$CA" -b "$COOKIES" -H "Origin: $SITE" "$API/keys/$KEY_ID/rotate" --json "{\"overlap_sec\":3600}"'
NEW_KEY=$(jq -r .data.key <<<"$out")
result "NEW_KEY=${NEW_KEY:0:12}..., the old one until $(jq -r .data.old_secret_expires_at <<<"$out")"
for secret in KEY NEW_KEY; do
	run "curl -sS --fail-with-body --cacert \"\$CA\" -o /dev/null -w \"%{http_code}\" -H \"Authorization: Bearer \$$secret\" \"\$API/accounts\""
	result "$out"
done

heading "Make a key for a program that posts by itself: one account, private, ten posts a day, and each waits for approval"
run 'curl -sS --fail-with-body --cacert "$CA" -b "$COOKIES" -H "Origin: $SITE" "$API/keys" --json "{\"name\":\"agent\",\"budget\":{\"accounts\":[\"$ACCOUNT\"],\"posts_per_day\":10,\"max_privacy_level\":\"SELF_ONLY\",\"needs_approval\":true}}"'
AGENT_KEY=$(jq -r .data.key <<<"$out")
result "AGENT_KEY=${AGENT_KEY:0:12}..."
run 'curl -sS --cacert "$CA" -H "Authorization: Bearer $AGENT_KEY" "$API/accounts/$ACCOUNT/posts" -F "images=@$PHOTOS/harbour.jpg" -F "title=Everybody, look" -F "platform_options={\"post_mode\":\"DIRECT_POST\",\"privacy_level\":\"PUBLIC_TO_EVERYONE\"}"'
[ "$(jq -r .error.code <<<"$out")" = budget_privacy_level ] || fail "a public post was not refused: $out"
result "$(jq -r '.error | "\(.code): \(.message)"' <<<"$out")"
run 'curl -sS --fail-with-body --cacert "$CA" -H "Authorization: Bearer $AGENT_KEY" "$API/accounts/$ACCOUNT/posts" -F "images=@$PHOTOS/harbour.jpg" -F "title=For one pair of eyes" -F "platform_options={\"post_mode\":\"DIRECT_POST\",\"privacy_level\":\"SELF_ONLY\"}"'
AGENT_POST=$(jq -r .data.id <<<"$out")
[ "$(jq -r .data.status <<<"$out")" = awaiting_approval ] || fail "this post does not wait: $out"
result "AGENT_POST=$AGENT_POST, $(jq -r '.data | "\(.status) until \(.awaiting_until)"' <<<"$out")"

heading "Its owner looks at it, and approves what they saw"
run 'curl -sS --fail-with-body --cacert "$CA" -b "$COOKIES" "$API/posts?status=awaiting_approval"'
[ "$(jq -r '.data[0].id' <<<"$out")" = "$AGENT_POST" ] || fail "another post waits: $out"
run 'curl -sS --fail-with-body --cacert "$CA" -b "$COOKIES" "$API/posts/$AGENT_POST"'
DIGEST=$(jq -r .data.content_digest <<<"$out")
result "\"$(jq -r .data.title <<<"$out")\", DIGEST=${DIGEST:0:16}..."
run 'curl -sS --fail-with-body --cacert "$CA" -b "$COOKIES" -H "Origin: $SITE" "$API/posts/$AGENT_POST/approve" --json "{\"content_digest\":\"$DIGEST\"}"'
result "$(jq -r .data.status <<<"$out")"
until_published 'curl -sS --fail-with-body --cacert "$CA" -H "Authorization: Bearer $AGENT_KEY" "$API/posts/$AGENT_POST"'
jq -r '.data.events[] | "  -> \(.at) \(.event) (\(.status))"' <<<"$out"

heading "A plan has limits: an admin gives Ada one that allows two posts a month, and the third is refused"
run '"$ADMIN" billing plans'
sed 's/^/  -> /' <<<"$out"
run '"$ADMIN" billing grant "$EMAIL" tiny'
result "$out"
for n in 1 2; do
	run 'curl -sS --fail-with-body --cacert "$CA" -H "Authorization: Bearer $KEY" "$API/accounts/$ACCOUNT/posts" -F "images=@$PHOTOS/harbour.jpg" -F "title=Of the plan, $n"'
	result "$(jq -r .data.status <<<"$out")"
done
run 'curl -sS --cacert "$CA" -H "Authorization: Bearer $KEY" "$API/accounts/$ACCOUNT/posts" -F "images=@$PHOTOS/harbour.jpg" -F "title=One too many"'
[ "$(jq -r .error.code <<<"$out")" = plan_limit_reached ] || fail "the third post was not refused: $out"
result "$(jq -r '.error.details[0] | "\(.param): \(.used) of \(.limit) with \(.plan); \(.allowed_by_plan) would allow more"' <<<"$out")"

heading "So she buys a larger one (at the simulator's Stripe; curl fills in the page of the checkout that a person would)"
run 'curl -sS --fail-with-body --cacert "$CA" -b "$COOKIES" -H "Origin: $SITE" "$API/billing/checkout" --json "{\"plan\":\"small\",\"accepted_terms\":true}"'
CHECKOUT=$(jq -r .data.url <<<"$out")
[[ $CHECKOUT == "$SANDBOX"/stripe/pay/* ]] || fail "this is not the page of the checkout: $CHECKOUT"
result "CHECKOUT=$SANDBOX/stripe/pay/..."
run 'curl -sS --fail-with-body --cacert "$CA" "$CHECKOUT" | grep -o "<h1>.*</h1>"'
result "$out"
run 'curl -sS --cacert "$CA" -o /dev/null -w "%{redirect_url}" "$CHECKOUT" -d card=pays -d action=pay'
PAID=$out
[[ $PAID == "$SITE"/billing/done\?session_id=* ]] || fail "Stripe did not send us back: $PAID"
result "PAID=${PAID%%=*}=..."
run 'curl -sS --fail-with-body --cacert "$CA" -b "$COOKIES" -H "Origin: $SITE" "$API/billing/sync" --json "{\"session_id\":\"${PAID#*=}\"}"'
result "$(jq -r '.data | "\(.plan) by \(.source), \(.status), paid until \(.period_end)"' <<<"$out")"

heading "And the post that was one too many is not any more"
run 'curl -sS --fail-with-body --cacert "$CA" -H "Authorization: Bearer $KEY" "$API/accounts/$ACCOUNT/posts" -F "images=@$PHOTOS/harbour.jpg" -F "title=Not one too many"'
result "$(jq -r .data.status <<<"$out")"
run 'curl -sS --fail-with-body --cacert "$CA" -b "$COOKIES" "$API/billing"'
jq -r '.data.limits[] | "  -> \(.name): \(.used) of \(.limit)"' <<<"$out"

heading "She cancels it in the portal. Stripe sends that to our webhook, and the worker asks Stripe what it means"
run 'curl -sS --fail-with-body --cacert "$CA" -b "$COOKIES" -H "Origin: $SITE" -X POST "$API/billing/portal"'
PORTAL=$(jq -r .data.url <<<"$out")
run 'curl -sS --fail-with-body --cacert "$CA" "$PORTAL" | grep -o -m 1 "sub_[0-9a-f]*"'
SUBSCRIPTION=$(head -n 1 <<<"$out")
run 'curl -sS --cacert "$CA" -o /dev/null -w "%{http_code}" "$PORTAL" -d "subscription=$SUBSCRIPTION" -d action=cancel'
[ "$out" = 303 ] || fail "the portal answers $out"
call='curl -sS --fail-with-body --cacert "$CA" -b "$COOKIES" "$API/billing"'
printf '$ %s\n' "$call"
end=$((SECONDS + 90))
until out=$(eval "$call") && [ "$(jq -r .data.will_cancel <<<"$out")" = true ]; do
	[ $SECONDS -lt $end ] || fail "the cancellation has not come after 90 s: $out"
	sleep 0.3
done
result "$(jq -r '.data | "\(.plan) until \(.cancel_at)"' <<<"$out")"

heading "Try out what happens when TikTok refuses a post: a test key, and an account of it in one call"
run 'curl -sS --fail-with-body --cacert "$CA" -b "$COOKIES" -H "Origin: $SITE" "$API/keys" --json "{\"name\":\"tests\",\"mode\":\"test\"}"'
TEST_KEY=$(jq -r .data.key <<<"$out")
result "TEST_KEY=${TEST_KEY:0:12}..."
run 'curl -sS --fail-with-body --cacert "$CA" -H "Authorization: Bearer $TEST_KEY" "$API/sandbox/accounts" --json "{}"'
TEST_ACCOUNT=$(jq -r .data.id <<<"$out")
result "TEST_ACCOUNT=$TEST_ACCOUNT ($(jq -r .data.display_name <<<"$out"))"
run 'curl -sS --fail-with-body --cacert "$CA" -H "Authorization: Bearer $TEST_KEY" "$API/accounts/$TEST_ACCOUNT/posts" -F "images=@$PHOTOS/harbour.jpg" -F "description=What if? [[fail:spam_risk_text]]"'
TEST_POST=$(jq -r .data.id <<<"$out")
result "TEST_POST=$TEST_POST, $(jq -r .data.status <<<"$out")"
call='curl -sS --fail-with-body --cacert "$CA" -H "Authorization: Bearer $TEST_KEY" "$API/posts/$TEST_POST"'
printf '$ %s\n' "$call"
end=$((SECONDS + 90))
until out=$(eval "$call") && [ "$(jq -r .data.status <<<"$out")" = failed ]; do
	[ $SECONDS -lt $end ] || fail "not failed after 90 s: $out"
	sleep 0.3
done
result "failed: $(jq -r '.data.failure | .code, .message' <<<"$out" | paste -sd ' ')"
run 'curl -sS --fail-with-body --cacert "$CA" -H "Authorization: Bearer $TEST_KEY" -X POST "$API/posts/$TEST_POST/retry"'
result "tried again: $(jq -r '.data | .status, (.events[-1] | .event, .code)' <<<"$out" | paste -sd ' ')"
run 'curl -sS --cacert "$CA" -o /dev/null -w "%{http_code}" -H "Authorization: Bearer $NEW_KEY" "$API/posts/$TEST_POST"'
[ "$out" = 404 ] || fail "a live key sees a test post: $out"
result "$out: to the live key, it is not there"

heading "How often this key may ask, and what it was used for today"
run 'curl -sS --fail-with-body --cacert "$CA" -H "Authorization: Bearer $NEW_KEY" "$API/me"'
jq -r '.data.limits[] | "  -> \(.name): \(.remaining) of \(.limit) left in \(.window_sec) s"' <<<"$out"
result "(so many for the demo; docs/api.md has a server's numbers)"
run 'curl -sS --fail-with-body --cacert "$CA" -H "Authorization: Bearer $NEW_KEY" "$API/usage?group_by=key"'
jq -r '.data.rows[] | "  -> \(.key_name): \(.requests) requests, \(.errors) errors"' <<<"$out"

heading "Publish the privacy policy and the terms, and look at them as TikTok's review does"
run '"$ADMIN" policy publish --version demo --effective "$(date -u +%F)"'
sed 's/^/  -> /' <<<"$out"
for page in privacy terms; do
	run "curl -sS --fail-with-body --cacert \"\$CA\" \"\$SITE/$page\" | grep -o \"<h1>.*</h1>\""
	result "$out"
done
run 'curl -sS --fail-with-body --cacert "$CA" "$API/privacy/policy"'
result "$(jq -r '.data.current | "\(.version), in force from \(.effective_at)"' <<<"$out")"

heading "What is held of Ada, and who else gets it"
run 'curl -sS --fail-with-body --cacert "$CA" -b "$COOKIES" "$API/privacy/data"'
jq -r '.data.groups[].items[] | select(.recipients != []) | "  -> \(.what): to \(.recipients | join(", ")), for \(.for)"' <<<"$out"
jq -r '.data.groups[].items[].held[] | select(.name == "image_files" or .name == "posts" or .name == "mails") | "  -> \(.name): \(.records), \(if .kept_unit == "none" then "" else "\(.kept_n) \(.kept_unit) " end)\(.kept)"' <<<"$out" | sort -u

heading "Ada takes a copy of it all home"
run 'curl -sS --fail-with-body --cacert "$CA" -b "$COOKIES" -H "Origin: $SITE" -X POST -D "$dir/export.head" -o "$dir/export.zip" "$API/privacy/export"'
grep -i '^x-export' "$dir/export.head" | tr -d '\r' | sed 's/^/  -> /'
python3 -m zipfile -t "$dir/export.zip" >/dev/null || fail "the ZIP does not open"
python3 - "$dir/export.zip" <<'END'
import sys, zipfile
names = zipfile.ZipFile(sys.argv[1]).namelist()
assert names[0] == "README.txt" and names[-1] == "SHA256SUMS", names
for kind in (".json", ".csv", "images/"):
    found = [n for n in names if kind in n]
    print(f"  -> {len(found)} of {kind}: {', '.join(found[:4])} ...")
print(f"  -> {names[0]} first, {names[-1]} last")
END
rm "$dir/export.zip" "$dir/export.head"

heading "The newcomer wants the account erased: what it would cost, the wish, and the receipt, which needs no account"
run 'curl -sS --fail-with-body --cacert "$CA" -c "$COOKIES.new" "$API/auth/login" --json "{\"email\":\"$NEWCOMER\",\"password\":\"$PASSWORD\"}"'
run 'curl -sS --fail-with-body --cacert "$CA" -b "$COOKIES.new" "$API/privacy/erasure"'
result "$(jq -c '.data | {plan, tiktok_accounts, api_keys, images, posts, posts_at_tiktok, grace_days}' <<<"$out")"
run 'curl -sS --fail-with-body --cacert "$CA" -b "$COOKIES.new" -H "Origin: $SITE" "$API/privacy/erasure" --json "{\"confirm\":\"$NEWCOMER\"}"'
RECEIPT=$(jq -r .data.receipt <<<"$out")
result "RECEIPT=$RECEIPT, $(jq -r .data.state <<<"$out")"
call='curl -sS --fail-with-body --cacert "$CA" "$API/privacy/erasure/$RECEIPT"'
printf '$ %s\n' "$call"
end=$((SECONDS + 90))
until out=$(eval "$call") && [ "$(jq -r .data.state <<<"$out")" = done ]; do
	[ $SECONDS -lt $end ] || fail "not erased after 90 s: $out"
	sleep 0.3
done
jq -r '.data.steps[] | "  -> \(.step): gone at \(.done_at)"' <<<"$out"
jq -r '.data.remains[] | select(.until != null) | "  -> until \(.until[:10]): \(.note)"' <<<"$out"
run 'curl -sS --cacert "$CA" -o /dev/null -w "%{http_code}" "$API/auth/login" --json "{\"email\":\"$NEWCOMER\",\"password\":\"$PASSWORD\"}"'
[ "$out" = 401 ] || fail "somebody who is erased signs in: $out"
result "$out: nobody of that name is known"

heading "The dashboard: Ada's account in a browser"
run 'curl -sS --fail-with-body --cacert "$CA" "$SITE/dashboard/" | grep -o "<title>.*</title>"'
result "$out"
run 'curl -sS --fail-with-body --cacert "$CA" -o /dev/null -w "%{http_code}" "$API/auth/login" --json "{\"email\":\"$EMAIL\",\"password\":\"$PASSWORD\"}"'
result "$out: she signs in"

echo
echo "Done in $((SECONDS - started_sec)) s."
[ -n "$once" ] || cat <<DASHBOARD
The stack stays up until Ctrl-C. Look at it in a browser, which must trust $CA first:

  $SITE/dashboard/posts/$POST
  address:  $EMAIL
  password: $PASSWORD

DASHBOARD
echo "published $URL"
[ -z "$once" ] || exit 0

# Until Ctrl-C, which is then the expected end, or until somebody ends the stack from outside.
trap 'exit 0' INT TERM
while tests/stack.sh status --dir "$dir" >/dev/null; do
	sleep 2 &
	wait $!
done
