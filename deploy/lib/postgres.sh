# shellcheck shell=bash
# The private PostgreSQL: DIR/pg, reached over DIR/sock only, by peer authentication.

POSTGRES_BIN=/usr/lib/postgresql/15/bin

memory_mb() { # of the machine, or of the container
  local total limit
  total=$(awk '$1 == "MemTotal:" { print int($2 / 1024) }' /proc/meminfo)
  limit=$(cat /sys/fs/cgroup/memory.max 2>/dev/null || echo max)
  if [[ $limit != max ]] && ((limit / 1048576 < total)); then total=$((limit / 1048576)); fi
  echo "$total"
}

clamp() { echo $(($1 < $2 ? $2 : $1 > $3 ? $3 : $1)); } # value least most

postgres_configure() {
  local memory buffers
  memory=$(memory_mb)
  buffers=$(clamp $((memory / 8)) 64 4096)
  write_file conf/postgresql.conf <<END
# Written by deploy/up at each call.
listen_addresses = ''
unix_socket_directories = '../sock'
unix_socket_permissions = 0700
hba_file = '$DIR/conf/pg_hba.conf'
ident_file = '$DIR/conf/pg_ident.conf'
max_connections = 300
timezone = UTC
log_timezone = UTC

shared_buffers = ${buffers}MB
effective_cache_size = $((memory / 2))MB
work_mem = 16MB
maintenance_work_mem = $(clamp $((memory / 32)) 64 1024)MB
random_page_cost = 1.1
jit = off

# 2xx means durable.
synchronous_commit = on
fsync = on
# A prepared transaction has no backend, so the log's horizon would not see it.
max_prepared_transactions = 0
wal_compression = lz4
# Ids are random: after each checkpoint the country's roster writes most pages of its indexes whole once more.
max_wal_size = $(clamp $((memory / 3)) 1024 16384)MB
min_wal_size = 512MB
checkpoint_timeout = 30min
checkpoint_completion_target = 0.9

# A table that was empty is analysed soon, and then as often as it has grown by a tenth.
autovacuum_naptime = 15s
autovacuum_vacuum_scale_factor = 0.05
# Everything hot goes by whole keys, planned once. At 100, what grows by millions of rows a day is analysed for seconds each time.
default_statistics_target = 10
idle_in_transaction_session_timeout = 60s

# No person's data in a log: neither the details of an error (they quote keys) nor statements.
log_error_verbosity = terse
log_min_error_statement = panic
log_parameter_max_length = 0
log_checkpoints = on
log_lock_waits = on
log_line_prefix = '%m %u@%d [%p] '
END
  write_file conf/pg_hba.conf <<<"local all all peer map=run"
  postgres_identities | write_file conf/pg_ident.conf
  service_put postgres postgres "$(fingerprint program/deploy/s6/postgres/run conf/postgresql.conf)"
}

# Who may be which role: the processes' user, and the machine's administrator.
postgres_identities() {
  local user role
  for user in "$(id -un)" root; do
    for role in eiso_admin $(describe_services | sed 's/.*/&_owner &_rw &_ro/'); do
      echo "run $user $role"
    done
  done
}

postgres_create() {
  [[ ! -e pg/PG_VERSION ]] || return 0
  rm -rf pg.new
  "$POSTGRES_BIN/initdb" -D pg.new -U eiso_admin -E UTF8 --locale=C.UTF-8 --locale-provider=icu \
    --icu-locale=kk-KZ --data-checksums --auth-local=peer --auth-host=reject --no-instructions \
    >log/initdb 2>&1 || { cat log/initdb >&2; die "initdb failed"; }
  echo "include_if_exists = '../conf/postgresql.conf'" >>pg.new/postgresql.conf
  mv pg.new pg
}

postgres_sql() { psql -h /proc/self/cwd/sock -U eiso_admin -d postgres -X -q -v ON_ERROR_STOP=1 "$@"; }

# A database and three roles for each service; repeating it changes nothing.
postgres_databases() {
  local service
  postgres_sql -c 'SELECT pg_reload_conf()' -c 'REVOKE ALL ON DATABASE postgres, template1 FROM PUBLIC' >/dev/null
  for service in $(describe_services); do
    sed "s/@service@/$service/g" "$DEPLOY/lib/service.sql"
  done | postgres_sql >/dev/null
}
