# shellcheck shell=bash
# The front door: nginx on 127.0.0.1:PORT, with a location for each path that a service describes.

nginx_configure() {
  local service
  for service in $(jq -r '.[] | select(any(.routes[]?; .spooled)) | .service' conf/describe.json); do
    mkdir -p -m 700 "state/$service/spool" # on the service's own file system: it gives the file a second name
  done
  {
    cat <<END
# Written by deploy/up from what the services say about themselves.
daemon off;
pid tmp/nginx.pid;
lock_file tmp/nginx.lock;
error_log stderr warn;
worker_processes auto;
worker_rlimit_nofile $(nginx_files);
worker_shutdown_timeout 10s;
events { worker_connections $(($(nginx_files) * 9 / 10)); } # two a stream; the rest: bodies on disk, logs
http {
  include ../program/deploy/nginx/http.conf;
  include ../program/deploy/nginx/problem-texts.conf;
$(jq -r -f "$DEPLOY/nginx/upstreams.jq" conf/describe.json)
$(jq -r -f "$DEPLOY/nginx/allow.jq" conf/describe.json)
  server {
    listen 127.0.0.1:$PORT;
    include ../program/deploy/nginx/server.conf;
    include ../program/deploy/nginx/problems.conf;
$(jq -r -f "$DEPLOY/nginx/locations.jq" conf/describe.json)
  }
}
END
  } | write_file conf/nginx.conf
  service_put nginx nginx "$(fingerprint program/deploy/s6/nginx/run)"
}

nginx_files() {
  local limit
  limit=$(ulimit -Hn)
  if [[ $limit == unlimited ]] || ((limit > 65536)); then limit=65536; fi
  echo "$limit"
}

# A new configuration is taken over by a running nginx without closing a connection.
nginx_start() {
  local refusal loaded
  refusal=$(nginx -e stderr -p "$DIR/" -c "$DIR/conf/nginx.conf" -t -q 2>&1) ||
    die "nginx refuses its configuration: $refusal"
  loaded=$(fingerprint conf/nginx.conf program/deploy/nginx/*.conf)
  if service_is_up nginx && [[ $(<tmp/nginx.loaded) != "$loaded" ]]; then
    step nginx "takes its new configuration over"
    s6-svc -h s6/nginx
  fi
  echo "$loaded" >tmp/nginx.loaded
  service_start nginx
  service_await nginx
}
