# shellcheck shell=bash
# The processes of the services, one of each role and slot, as their descriptions say.

services_configure() {
  local service role slot program
  declare -gA PROGRAM_IS=()
  RUN_IS=$(fingerprint program/deploy/s6/process/run)
  for program in $(jq -r '.[].program' conf/describe.json); do
    PROGRAM_IS[$program]=$(fingerprint "program/bin/$program")
  done
  while read -r service role slot program; do
    mkdir -p "state/$service"
    process_put "$service" "$role" "$slot" "$program"
  done < <(describe_processes)
  [[ $WITH_DEMO == no ]] || demo_configure
}

process_put() { # service role slot program
  local name=$1-$2-$3 environment
  environment=$(process_environment "$1" "$2" "$3")
  service_put "$name" process "$RUN_IS ${PROGRAM_IS[$4]}
$environment"
  write_file "s6/$name/data/command" <<<"$4 --role $2"
  service_settings "$name" "$environment"
}

# All settings of a process, KEY=value lines. Paths are relative to DIR, in which it works.
process_environment() { # service role slot
  local service=$1 role=$2 name=$1-$2-$3 user=$1_rw
  [[ $role != migrate && $role != jobs ]] || user=$1_owner
  cat <<END
EISO_SOCKET=sock/$name
EISO_OBSERVER=sock/$name.observer
EISO_PG=host=/proc/self/cwd/sock dbname=$service user=$user
EISO_KAFKA=$KAFKA
EISO_SLOT=$3
EISO_CELL=kz
EISO_URL=$URL
EISO_STATE=state/$service
END
  [[ ! -e conf/kafka/$service-$role.conf ]] || echo "EISO_KAFKA_CONFIG=conf/kafka/$service-$role.conf"
}

# Runs a program once, as the given role would run.
process_run_once() { # service role program argument...
  local settings
  mapfile -t settings < <(process_environment "$1" "$2" 0)
  env -i PATH="$PATH" LANG="$LANG" EISO_OPERATOR="$EISO_OPERATOR" "${settings[@]}" "program/bin/$3" "${@:4}"
}

services_migrate() {
  local service program
  while read -r service program; do
    process_run_once "$service" migrate "$program" --role migrate >"log/$service-migrate" 2>&1 || {
      tail -n 20 "log/$service-migrate" >&2
      die "the schema of $service could not be brought up to date"
    }
  done < <(jq -r '.[] | select(any(.roles[]; .name == "migrate")) | "\(.service) \(.program)"' conf/describe.json)
}

process_names() { describe_processes | awk '{ print $1 "-" $2 "-" $3 }'; }

# Slot after slot: while a process restarts, the others of its role go on.
services_start() {
  local slot name starting
  for slot in $(describe_processes | cut -f3 | sort -nu); do
    starting=()
    for name in $(process_names | grep -- "-$slot\$"); do
      service_start "$name" &
      starting+=($!)
    done
    wait "${starting[@]}"
  done
}

services_await() {
  local name waiting=()
  for name in $(process_names); do waiting+=("s6/$name"); done
  ((${#waiting[@]})) || return 0
  s6-svwait -U -t 90000 "${waiting[@]}" 2>/dev/null || services_unready "${waiting[@]}"
  step services "ready: ${#waiting[@]} processes"
}

services_unready() { # folder...
  local folder
  for folder in "$@"; do
    [[ $(s6-svstat -o ready "$folder") == true ]] && continue
    say "  ${folder##*/} is not ready; the end of its log:"
    tail -n 5 "log/${folder##*/}/current"
  done >&2
  die "not everything is ready after 90 seconds; deploy/status --dir $DIR says more"
}
