# The plan for eiso-topics: topics and rights of all descriptions, and the observer's. $observer: its login.
(.[] | .topics[]? |
  "topic \(.name) \(.partitions) 0" + ([.config // {} | to_entries[] | " \(.key)=\(.value)"] | add // "")),
(.[] | .service as $service | .acls[]? |
  "acl \($service)-\(.role) \(.resource) \(.name) \(.pattern // "literal") \(.operations[])"),
(.[] | .observer_topics[]? | "acl \($observer) topic \(.) literal \("read", "describe")"),
# Its own groups; and how far behind ours are.
"acl \($observer) group \($observer). prefixed read",
"acl \($observer) group eiso. prefixed describe"
