# shellcheck shell=bash
# The private Kafka: one broker that is its own controller, on loopback, with logins and an authorizer
# that refuses what no ACL allows. SASL/PLAIN, for Debian's librdkafka cannot do SCRAM with Kafka 4.

# Our logins: the broker itself, the administrator, the observer, and one for each service and role.
kafka_principals() {
  printf '%s\n' broker admin observer
  describe_principals
}

# A login's properties file for librdkafka programs, made with a fresh password at first.
kafka_login() { # principal
  [[ ! -e conf/kafka/$1.conf ]] || return 0
  write_file "conf/kafka/$1.conf" <<END
security.protocol=SASL_PLAINTEXT
sasl.mechanism=PLAIN
sasl.username=$1
sasl.password=$(random_password)
END
}

kafka_password() { sed -n 's/^sasl\.password=//p' "conf/kafka/$1.conf"; } # principal

kafka_configure() {
  local principal
  for principal in $(kafka_principals); do
    kafka_login "$principal"
  done
  # Tools want the servers in the file, too.
  grep -qsF "$KAFKA" conf/kafka/admin.conf || echo "bootstrap.servers=$KAFKA" >>conf/kafka/admin.conf
  kafka_properties | write_file conf/kafka.properties
  kafka_jvm | write_file conf/kafka.jvm
  service_put kafka kafka "$(fingerprint program/deploy/s6/kafka/run program/deploy/kafka/log4j2.properties \
    conf/kafka.properties conf/kafka.jvm program/kafka/jars.sha256)"
}

kafka_users() {
  local principal
  for principal in $(kafka_principals); do
    printf ' user_%s="%s"' "$principal" "$(kafka_password "$principal")"
  done
}

kafka_properties() {
  local plain=org.apache.kafka.common.security.plain.PlainLoginModule broker
  broker="username=\"broker\" password=\"$(kafka_password broker)\""
  sed '/^ *#/d' "$DEPLOY/kafka/server.properties"
  cat <<END
listeners=CLIENT://$KAFKA,CONTROLLER://127.0.0.1:$CONTROLLER_PORT
advertised.listeners=CLIENT://$KAFKA
controller.quorum.bootstrap.servers=127.0.0.1:$CONTROLLER_PORT
listener.name.client.plain.sasl.jaas.config=$plain required $broker$(kafka_users);
listener.name.controller.plain.sasl.jaas.config=$plain required $broker user_broker="$(kafka_password broker)";
END
}

# The second compiler comes later than by default, at eight times the calls: a start, for which everybody waits whose broker was
# killed, costs 15 s of CPU instead of 18, and whoever works for minutes is compiled as well (docs/performance.md).
# Regions in which a batch of events is nothing humongous: else each of them brings the next marking of the heap nearer.
kafka_jvm() {
  cat <<END
-Xms128m
-Xmx$(clamp $(($(memory_mb) / 16)) 384 1024)m
-XX:+UseG1GC
-XX:MaxGCPauseMillis=20
-XX:G1HeapRegionSize=4m
-XX:+ExplicitGCInvokesConcurrent
-XX:+ExitOnOutOfMemoryError
-XX:-UsePerfData
-XX:Tier4InvocationThreshold=40000
-XX:Tier4MinInvocationThreshold=5000
-XX:Tier4CompileThreshold=100000
-XX:Tier4BackEdgeThreshold=320000
-Xlog:cds=off
-Xlog:cds+dynamic=off
-Djava.awt.headless=true
-Djava.io.tmpdir=tmp
-Dlog4j2.configurationFile=program/deploy/kafka/log4j2.properties
END
}

kafka_create() {
  [[ ! -e kafka/meta.properties ]] || return 0
  local id
  id=$(head -c16 /dev/urandom | base64 | tr '+/' 'ab' | tr -d =)
  java -XX:TieredStopAtLevel=1 -cp 'program/kafka/*' kafka.tools.StorageTool format --standalone \
    -t "$id" -c conf/kafka.properties >log/kafka-format 2>&1 ||
    { cat log/kafka-format >&2; die "Kafka's folder could not be made"; }
}

# Topics and rights of all descriptions, and the observer's; what nobody asks for any more is taken away.
kafka_topics() {
  [[ -x program/bin/eiso-topics ]] || die "the program eiso-topics is missing"
  local said
  said=$(jq -r --arg observer observer -f "$DEPLOY/kafka/plan.jq" conf/describe.json |
    EISO_KAFKA=$KAFKA EISO_KAFKA_CONFIG=conf/kafka/admin.conf program/bin/eiso-topics) ||
    die "topics and rights could not be made"
  step topics "$(tail -n 1 <<<"$said")"
}
