# shellcheck shell=bash
# What the services know of the registry. A register freezes the roster that its service knows: a school day begins when
# all of them know all of it.

rows_of() { # service table
  psql -X -t -A "host=/proc/self/cwd/sock dbname=$1 user=$1_ro" -c "select count(*) from $2"
}

# Each service that follows a topic of the registry has as many rows in its copy as the registry has: to be sure, for
# gauges are a second old.
copies_await() {
  local service what all known
  local -A table=([organisations]=organisation [people]=person [classes]=class [enrolments]=enrolment
    [assignments]=assignment [guardians]=guardian) copy=([guardians]=link)
  while read -r service what; do
    all=$(rows_of registry "${table[$what]}")
    while known=$(rows_of "$service" "copy_${copy[$what]-${table[$what]}}") && ((known < all)); do
      say "$service knows $known of $all $what" >&2
      sleep 1
    done
  done < <(jq -r '.[] | .service as $service | .acls[]? | select(.role == "apply") | .name |
    capture("^eiso.registry.(?<what>organisations|people|classes|enrolments|assignments|guardians).v1$") |
    "\($service) \(.what)"' conf/describe.json)
}
