#!/bin/sh
# Make a data directory that has been a cluster of one and was stopped cleanly.
set -eu
seed=$1
mariadb-install-db --defaults-file=/etc/mysql/galera.cnf --datadir="$seed" --wsrep-on=OFF \
  --auth-root-authentication-method=socket --auth-root-socket-user=mysql --skip-test-db --skip-name-resolve >/dev/null
mariadbd --defaults-file=/etc/mysql/galera.cnf --datadir="$seed" --bind-address=127.0.0.1 \
  --wsrep-cluster-address=gcomm:// --wsrep-node-address=127.0.0.1 --wsrep-cluster-name=seed --wsrep-new-cluster &
server=$!
for _ in $(seq 300); do
  if mariadb --socket=/run/galera/mysqld.sock --user=mysql --skip-ssl --silent --execute="show status like 'wsrep_local_state_comment'" 2>/dev/null | grep -q Synced
  then break; fi
  sleep 0.1
done
kill -TERM "$server"
wait "$server"
grep -q 'safe_to_bootstrap: 1' "$seed/grastate.dat"
sed -i 's/safe_to_bootstrap: 1/safe_to_bootstrap: 0/' "$seed/grastate.dat"
rm -f "$seed/galera.cache" "$seed/gvwstate.dat" /run/galera/notify
