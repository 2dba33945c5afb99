# shellcheck shell=bash
# What the programs say about themselves: `eiso-grades --describe`, all of them in conf/describe.json.
# Everything else (databases, logins, topics, routes, processes) is made from that file alone.

describe_programs() {
  local program
  for program in program/bin/eiso-*; do
    [[ $program != */eiso-small || $WITH_SMALL == yes ]] || continue
    [[ ! -x $program ]] || describe_program "$program"
  done | jq -s . | write_file conf/describe.json
  describe_check
  [[ -n $(describe_services) ]] || say "  no service is built yet: only PostgreSQL, Kafka and nginx will run"
}

# A program that is no service (eiso-topics, eiso-live) has nothing to say.
describe_program() { # path
  local said
  said=$(timeout 10 "$1" --describe 2>/dev/null </dev/null) || return 0
  jq -ce --arg program "${1##*/}" 'select(.service) + {program: $program}' <<<"$said" 2>/dev/null || return 0
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
