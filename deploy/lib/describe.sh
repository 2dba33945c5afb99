# shellcheck shell=bash
# What the programs say about themselves: `eiso-grades --describe`, all of them in conf/describe.json.
# Everything else (databases, logins, topics, routes, processes) is made from that file alone.

describe_programs() {
  local program said all=
  for program in program/bin/eiso-*; do
    [[ -x $program ]] || continue
    [[ $program != */eiso-small || $WITH_SMALL == yes ]] || continue
    said=$(describe_program "$program") || exit
    all+=$said
  done
  jq -s . <<<"$all" | write_file conf/describe.json
  describe_check
  [[ -n $(describe_services) ]] || say "  no service is built yet: only PostgreSQL, Kafka and nginx will run"
}

# A program that is no service (eiso-topics, eiso-live) refuses the argument. A service that cannot be
# understood must not be mistaken for one that is gone.
describe_program() { # path
  local name=${1##*/} said
  if said=$(timeout 10 "$1" --describe 2>/dev/null </dev/null); then
    jq -c --arg program "$name" '. + {program: $program}' <<<"$said" || die "$name --describe: no JSON"
  elif (($? > 2)) || grep -qs "\"program\": \"$name\"" conf/describe.json; then
    die "$name --describe failed"
  fi
}

# Names and paths go into configuration files: only plain ones.
describe_check() {
  local wrong
  wrong=$(jq -r -f "$DEPLOY/lib/describe-check.jq" conf/describe.json)
  [[ -z $wrong ]] || die "a program describes itself wrongly: $wrong"
}

describe_services() { jq -r '.[].service' conf/describe.json; }

# service role slot program, a line for each supervised process
describe_processes() {
  jq -r '.[] | . as $s | .roles[] | select(.name != "migrate") |
         range(.processes // 1) as $slot | [$s.service, .name, $slot, $s.program] | @tsv' conf/describe.json
}

# <service>-<role> of each role that talks to Kafka
describe_principals() {
  jq -r '.[] | .service as $s | [.acls[]?.role] | unique[] | "\($s)-\(.)"' conf/describe.json
}
