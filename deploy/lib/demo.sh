# shellcheck shell=bash
# The demo: accounts that a service makes by the command in its description ("demo": ["demo"]), which prints
# KEY=value lines for eiso.env; and, where it is built, eiso-live, which sends a school day as it happens.

demo_configure() {
  [[ -x program/bin/eiso-live ]] || return 0
  service_put live live ''
  demo_command | write_file s6/live/data/command
}

demo_command() {
  if [[ -n $DEMO_SCALE ]]; then
    echo "eiso-live --scale $DEMO_SCALE --rhythm 1 --ledger state/country/ledger"
  else
    echo eiso-live
  fi
}

# Passwords are shown once, when they are made: what was printed is kept.
demo_accounts() {
  local service program arguments
  while IFS=$'\t' read -r service program arguments; do
    [[ ! -e conf/demo-$service ]] || continue
    # shellcheck disable=SC2086 # words
    process_run_once "$service" jobs "$program" $arguments >conf/demo.new 2>"log/$service-demo" || {
      tail -n 20 "log/$service-demo" >&2
      die "the demo of $service could not be made"
    }
    mv conf/demo.new "conf/demo-$service"
  done < <(jq -r '.[] | select(.demo) | "\(.service)\t\(.program)\t\(.demo | join(" "))"' conf/describe.json)
}

demo_environment() {
  local file key value
  for file in conf/demo-*; do
    [[ -e $file ]] || continue
    while IFS='=' read -r key value; do
      [[ ! $key =~ ^EISO_[A-Z_]+$ ]] || environment_line "$key" "$value"
    done <"$file"
  done
}

demo_start() {
  [[ $WITH_DEMO == yes ]] || return 0
  demo_accounts
  environment_write
  [[ -d s6/live ]] || return 0
  if [[ -n $DEMO_SCALE ]]; then
    "$DEPLOY/lib/country" "$DIR" "$DEMO_SCALE" 1
    service_settings live "$(sed "/^EISO_CLIENT_/d; s/'//g" eiso.env; cat state/country/client)"
  else
    service_settings live "$(sed "s/'//g" eiso.env)"
    [[ -s state/live/ledger ]] || copies_await
  fi
  fingerprint program/deploy/s6/live/run program/bin/eiso-live s6/live/data/command eiso.env |
    write_file s6/live/data/wanted
  service_start live
}

demo_summary() {
  local lines
  lines=$(demo_environment | sed -n "s/^\(EISO_[A-Z]*\)_LOGIN='\(.*\)'/\1 \2/p")
  [[ -z $lines ]] || say "$lines" | while read -r who login; do
    printf '  %-22s %s, password in eiso.env\n' "$(tr 'A-Z_' 'a-z ' <<<"${who#EISO_}")" "$login"
  done
}
