# shellcheck shell=bash
# What an installation chose once and keeps: its ports, the demo's scale and the size of its parts, in conf/settings;
# and conf/eiso.env, the file that tells others.

settings_choose() {
  PORT=8080 KAFKA_PORT='' CONTROLLER_PORT='' SOCKETS='' DEMO_SCALE=''
  [[ ! -e conf/settings ]] || . conf/settings
  local before=$PORT
  PORT=${WANTED_PORT:-$PORT}
  [[ $PORT =~ ^[1-9][0-9]{0,4}$ ]] || die "no port: $PORT"
  if [[ ! -e conf/settings || $PORT != "$before" ]] && is_listening "$PORT"; then
    die "port $PORT is taken by another program; choose another with --port"
  fi
  KAFKA_PORT=${KAFKA_PORT:-$(free_port)}
  CONTROLLER_PORT=${CONTROLLER_PORT:-$(free_port)}
  settings_sockets
  settings_scale
  write_file conf/settings <<END
PORT=$PORT
KAFKA_PORT=$KAFKA_PORT
CONTROLLER_PORT=$CONTROLLER_PORT
SOCKETS=$SOCKETS
DEMO_SCALE=$DEMO_SCALE
END
  URL=http://127.0.0.1:$PORT
  KAFKA=127.0.0.1:$KAFKA_PORT
}

# Of the simulated country; empty: the demo district lives. Ids belong to one scale.
settings_scale() {
  local here=
  DEMO_SCALE=${WANTED_SCALE:-$DEMO_SCALE}
  [[ -n $DEMO_SCALE ]] || return 0
  is_scale "$DEMO_SCALE" || die "no scale from 0.0001 to 1: $DEMO_SCALE"
  [[ $WITH_DEMO == yes || -z $WANTED_SCALE ]] || die "--no-demo and --demo-scale do not go together"
  [[ ! -s state/country/is ]] || read -r here _ <state/country/is
  [[ -z $here || $here == "$DEMO_SCALE" ]] || die "the country of scale $here is here already; choose another --dir"
}

# Below the range from which the kernel takes ports for outgoing connections.
free_port() {
  local port
  while port=$((10000 + SRANDOM % 20000)); do
    is_listening "$port" || break
  done
  echo "$port"
}

# Where others find PostgreSQL's socket. An address has room for 107 bytes: a longer folder gets a short
# name in /tmp. (Our own processes work in DIR and need none.)
settings_sockets() {
  local room=$((107 - ${#DIR} - 1 - ${#socket_name}))
  if ((room >= 0)); then
    SOCKETS=$DIR/sock
  elif [[ -z $SOCKETS || $(readlink "$SOCKETS") != "$DIR/sock" ]]; then
    SOCKETS=$(mktemp -d /tmp/eiso.XXXXXX)/sock
    ln -s "$DIR/sock" "$SOCKETS"
  fi
}
socket_name=sock/.s.PGSQL.5432

# Doubt about quoting ends here: KEY='value', for a shell to source.
environment_line() { # key value
  [[ $2 != *\'* ]] || die "$1 holds a quote"
  printf "%s='%s'\n" "$1" "$2"
}

environment_write() {
  local service
  {
    environment_line EISO_DIR "$DIR"
    environment_line EISO_URL "$URL"
    environment_line EISO_KAFKA "$KAFKA"
    environment_line EISO_KAFKA_USER observer
    environment_line EISO_KAFKA_PASSWORD "$(kafka_password observer)"
    for service in $(describe_services); do
      environment_line "EISO_PG_${service^^}" "host=$SOCKETS dbname=$service user=${service}_ro"
    done
    demo_environment
  } | write_file eiso.env
}

summary_print() {
  say
  say "EISO runs at $URL; logins and addresses for a shell: . $DIR/eiso.env"
  say
  printf '  %-22s %s\n' "front door" "$URL" \
    "Kafka (observer)" "$KAFKA, user observer, password in eiso.env" \
    "PostgreSQL (reading)" "psql \"\$EISO_PG_GRADES\" and the like" \
    "logs" "$DIR/log" "state of everything" "deploy/status --dir $DIR"
  demo_summary
}
