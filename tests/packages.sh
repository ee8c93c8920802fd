# The Debian packages that MarketingCLI needs, in one place. Sourced by demo.sh, run.sh, .ci/run and people
# (CONTRIBUTING.md, docs/operations.md):
#
#	. tests/packages.sh; packages_install $packages_demo

# For the dashboard's modules. A Node that comes from elsewhere is taken as it is: Debian's npm conflicts with it.
packages_node="nodejs npm"
if command -v node >/dev/null && command -v npm >/dev/null; then packages_node=; fi
packages_build="$packages_node gcc libc6-dev meson ninja-build pkg-config python3 libfcgi-dev libmariadb-dev libcurl4-openssl-dev libssl-dev
	libjson-c-dev libvips-dev libjpeg62-turbo-dev libinih-dev libcrypt-dev libutf8proc-dev libzxcvbn-dev liboath-dev libidn2-dev
	libexpat1-dev libgmime-3.0-dev libarchive-dev zlib1g-dev"
packages_stack="mariadb-server-core mariadb-client-core nginx-light openssl curl ca-certificates python3 util-linux procps"
packages_demo="$packages_build $packages_stack jq python3-pil"
packages_test="$packages_demo mariadb-client mandoc clang-14 clang-format-14 libclang-rt-14-dev llvm-14 libcmocka-dev python3-pytest
	python3-requests python3-pymysql python3-aiosmtpd python3-h2 systemd logrotate binutils iproute2 libimage-exiftool-perl strace unzip libarchive-tools
	chromium-headless-shell libnss3-tools fonts-dejavu-core wrk swift-proxy swift-account swift-container swift-object"
# For tests/run.sh boot alone.
packages_boot="mmdebstrap e2fsprogs git"

packages_missing() {
	for package; do
		[ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || echo "$package"
	done
}

# Installs what is missing, without starting any service: a policy-rc.d forbids it meanwhile, and the one that was there
# before comes back.
packages_install() {
	missing=$(packages_missing "$@" | tr '\n' ' ')
	[ -n "$missing" ] || return 0
	as_root=
	if [ "$(id -u)" != 0 ]; then
		command -v sudo >/dev/null || { echo "Needed, and installing needs root: $missing" >&2; return 1; }
		as_root=sudo
	fi
	echo "Installing $(echo "$missing" | wc -w) packages: $missing"
	$as_root sh -euc '
		policy=/usr/sbin/policy-rc.d
		restore() { rm -f $policy; [ ! -e $policy.marketingcli ] || mv $policy.marketingcli $policy; }
		[ ! -e $policy.marketingcli ] || restore  # a run before this one was killed
		[ ! -e $policy ] || mv $policy $policy.marketingcli
		trap restore EXIT
		trap "exit 130" INT TERM
		printf "#!/bin/sh\nexit 101\n" >$policy
		chmod 755 $policy
		export DEBIAN_FRONTEND=noninteractive
		apt-get -q -o Acquire::Retries=3 update
		apt-get -q -y -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300 install --no-install-recommends "$@"
	' sh $missing
}
