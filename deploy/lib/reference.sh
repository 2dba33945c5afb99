# shellcheck shell=bash
# The reference, for integrators: each service prints its OpenAPI document, eiso-contracts the AsyncAPI one of the topics.
# nginx hands them out as files.

reference_write() {
  local service program
  mkdir -p reference/openapi
  while read -r service program; do
    EISO_URL=$URL "program/bin/$program" --openapi | write_file "reference/openapi/$service.json" ||
      die "$program --openapi failed"
  done < <(jq -r '.[] | select(.routes | length > 0) | "\(.service) \(.program)"' conf/describe.json)
  [[ ! -x program/bin/eiso-contracts ]] ||
    program/bin/eiso-contracts --asyncapi | write_file reference/asyncapi.json || die "eiso-contracts failed"
}
