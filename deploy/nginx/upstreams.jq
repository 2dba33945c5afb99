# An upstream for each service and role that listens: all its processes.
.[] | .service as $service | .roles[] | select(.listens) |
"  upstream \($service)-\(.name) {",
(.name as $role | range(.processes // 1) | "    server unix:sock/\($service)-\($role)-\(.) max_fails=1 fail_timeout=2s;"),
"    keepalive 32;",
"    keepalive_timeout 20s;",
"  }"
