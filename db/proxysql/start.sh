#!/bin/sh
# Write ProxySQL's configuration from the environment and become ProxySQL. The data directory is a tmpfs, so that the
# configuration is what counts at each start.
# Wants SUBNET, DB_DATABASES ("identity image compute volume"), DB_<NAME>_PASSWORD, DB_MONITOR_PASSWORD, PROXYSQL_ADMIN_PASSWORD.
set -eu
umask 077
configuration=/var/lib/proxysql/proxysql.cnf

servers() {
  separator=""
  for suffix in 21 22 23; do
    printf '%s  { address="%s.%s", port=3306, hostgroup=10, weight=1, max_connections=400 }' "$separator" "$SUBNET" "$suffix"
    separator=",
"
  done
}

users() {
  separator=""
  for database in $DB_DATABASES; do
    eval "password=\$DB_$(printf %s "$database" | tr '[:lower:]' '[:upper:]')_PASSWORD"
    printf '%s  { username="%s", password="%s", default_hostgroup=10, transaction_persistent=1, max_connections=500, active=1 }' \
      "$separator" "$database" "$password"
    separator=",
"
  done
}

cat > "$configuration" <<EOF
datadir="/var/lib/proxysql"

admin_variables=
{
  admin_credentials="admin:$PROXYSQL_ADMIN_PASSWORD;radmin:$PROXYSQL_ADMIN_PASSWORD"
  mysql_ifaces="0.0.0.0:6032"
}

mysql_variables=
{
  threads=2
  max_connections=2048
  interfaces="0.0.0.0:6033"
  default_schema="information_schema"
  # SQLAlchemy recognises MariaDB by this
  server_version="11.8.9-MariaDB"
  default_charset="utf8mb4"
  default_collation_connection="utf8mb4_general_ci"

  monitor_enabled=true
  monitor_username="monitor"
  monitor_password="$DB_MONITOR_PASSWORD"
  monitor_galera_healthcheck_interval=200
  monitor_galera_healthcheck_timeout=400
  monitor_galera_healthcheck_max_timeout_count=1
  monitor_connect_interval=2000
  monitor_connect_timeout=500
  monitor_ping_interval=500
  monitor_ping_timeout=300
  monitor_ping_max_failures=2
  monitor_history=60000

  connect_timeout_server=300
  connect_timeout_server_max=5000
  connect_retries_on_failure=10
  connect_retries_delay=20
  query_retries_on_failure=1
  shun_on_failures=3
  shun_recovery_time_sec=1
  default_query_timeout=15000
  ping_interval_server_msec=5000
  ping_timeout_server=300
  poll_timeout=200
  # forward autocommit=0 before a read: without it there is no snapshot within a transaction
  enforce_autocommit_on_reads=true
  # a load balancer looks at the greeting five times a second and hangs up
  log_unhealthy_connections=false
}

# The monitor moves the nodes to where they belong: one writer, two backup writers.
mysql_servers=
(
$(servers)
)

mysql_galera_hostgroups=
(
  { writer_hostgroup=10, backup_writer_hostgroup=12, reader_hostgroup=11, offline_hostgroup=19, active=1, max_writers=1,
    writer_is_also_reader=1, max_transactions_behind=100, comment="region" }
)

mysql_users=
(
$(users)
)
EOF

exec proxysql -f --idle-threads --initial -D /var/lib/proxysql -c "$configuration"
