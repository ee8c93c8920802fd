#!/bin/sh
# The key of the database's files, where there is none yet (sql/mariadb-encryption.cnf): "1;" and 256 random bits. MariaDB reads it, as
# root does, and nobody else. One that is there is never changed: what was written with it could not be read again.
#
#	database-key.sh FILE
set -eu
file=$1
[ ! -e "$file" ] || exit 0
umask 077
[ -d "$(dirname "$file")" ] || mkdir -p "$(dirname "$file")"
new=$file.new
printf '1;%s\n' "$(od -An -vtx1 -N32 /dev/urandom | tr -d ' \n')" >"$new"
sync "$new"
if getent group mysql >/dev/null; then
	chgrp mysql "$new"
	chmod 640 "$new"
else
	echo "$file: there is no group mysql yet; once MariaDB is installed: chgrp mysql $file; chmod 640 $file" >&2
fi
ln "$new" "$file" 2>/dev/null || [ -e "$file" ]
rm -f "$new"
