# What is wrong in the array of descriptions, a line each; nothing when all is well.
def name: type == "string" and test("^[a-z][a-z0-9_]{0,31}$");
def path: type == "string" and test("^(/|(/([A-Za-z0-9._~-]+|\\{[a-z_]+\\}))+)$");

(group_by(.service)[] | select(length > 1) | "two programs are the service \(.[0].service)"),
(.[] | .service as $s |
  (select($s | name | not) | "service \($s)"),
  (.roles[] | select(.name | name | not) | "\($s): role \(.name)"),
  ([.roles[] | select(.listens) | .name] as $listening |
    .routes[]? | select((.role | IN($listening[]) | not) or (.path | path | not)) |
    "\($s): route \(.role) \(.path)")),
([.[] | .service as $s | .routes[]? | {path, upstream: "\($s)-\(.role)"}] | group_by(.path)[] |
  select(([.[].upstream] | unique | length) > 1) | "two roles claim \(.[0].path)")
