# The methods of each path, for nginx's own 405 (RFC 9110 asks for them). By the request's own target: an error page has another path.
def pattern: gsub("\\."; "\\.") | gsub("\\{[a-z_]+\\}"; "[^/]+") | "~^\(.)([?]|$)";

"  map $request_uri $methods {",
([.[] | .routes[]?] | group_by(.path)[] | "    \"\(.[0].path | pattern)\" \"\(map(.method) | join(", "))\";"),
"  }",
"  map $status $allow { 405 $methods; }"
