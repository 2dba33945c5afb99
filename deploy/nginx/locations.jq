# A location for each path; which methods it has is the service's to say. A template's {name} is one segment.
def literal: test("\\{") | not;
def pattern: gsub("\\."; "\\.") | gsub("\\{[a-z_]+\\}"; "[^/]+") | "^\(.)$";

[.[] | .service as $service | .routes[]? | . + {$service, upstream: "\($service)-\(.role)"}] |
group_by(.path) |
# Templates are tried in order: the longer the plain beginning, the earlier.
sort_by(.[0].path | -(split("{")[0] | length), .)[] |
(.[0].path) as $path |
(map(.body_bytes // 0) | max) as $body_bytes |
(if $path | literal then "    location = \($path) {" else "    location ~ \"\($path | pattern)\" {" end),
"      set $route \"\($path)\";",
(select($body_bytes > 0) | "      client_max_body_size \($body_bytes);"),
# What is as large as an import takes longer to arrive, and to be answered.
(select($body_bytes > 16777216) | "      client_body_timeout 60s;", "      proxy_read_timeout 300s;"),
(select(any(.[]; .stream)) | "      include ../program/deploy/nginx/stream.conf;"),
(select(any(.[]; .guarded)) | "      limit_req zone=guarded burst=100 nodelay;"),
(select(any(.[]; .spooled)) |
  "      auth_request /_may\($path);",
  "      client_body_temp_path state/\(.[0].service)/spool;",
  "      include ../program/deploy/nginx/spool.conf;"),
"      proxy_pass http://\(.[0].upstream);",
"    }",
(select(any(.[]; .spooled)) |
  "    location = /_may\($path) {",
  "      include ../program/deploy/nginx/may.conf;",
  "      proxy_pass http://\(.[0].upstream)\($path);",
  "    }")
