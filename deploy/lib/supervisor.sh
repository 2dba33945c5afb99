# shellcheck shell=bash
# s6: a folder of DIR/s6 is a supervised service; its scripts are those of deploy/s6/KIND.
# Works in DIR. What a service is made of stands in data/wanted, what it was started with in data/started.

WANTED=() # the services of this installation

# service_put NAME KIND WANTED-TEXT: makes the folder; started later, or again when the text differs.
service_put() {
  local folder=s6/$1
  WANTED+=("$1")
  if [[ ! -d $folder/log ]]; then
    mkdir -p "$folder/data" "$folder/log" "log/$1"
    ln -s ../../../program/deploy/s6/log/{run,notification-fd} "$folder/log/"
    touch "$folder/down"
  fi
  service_script "$2" run "$folder"
  service_script "$2" finish "$folder" || ln -sfn ../../program/deploy/s6/finish "$folder/finish"
  service_script "$2" down-signal "$folder" || true
  service_script "$2" notification-fd "$folder" || true
  service_script "$2" check "$folder/data" || true
  write_file "$folder/data/wanted" <<<"$3"
}

# Links what a kind of service has into a folder; false when it has none.
service_script() { # kind file folder
  local up=../..
  [[ $3 != */data ]] || up=../../..
  [[ -e program/deploy/s6/$1/$2 ]] || return 1
  [[ -L $3/$2 && $3/$2 -ef program/deploy/s6/$1/$2 ]] || ln -sfn "$up/program/deploy/s6/$1/$2" "$3/$2"
}

# service_settings NAME KEY=VALUE-LINES: the environment of a service, a file for each variable (s6-envdir), so
# that no secret ever stands in a command line.
service_settings() {
  local folder=s6/$1/env key value
  mkdir -p "$folder"
  for key in "$folder"/*; do
    [[ ! -e $key || $'\n'$2 == *$'\n'"${key##*/}="* ]] || rm "$key"
  done
  while IFS='=' read -r key value; do
    write_file "$folder/$key" <<<"$value"
  done <<<"$2"
}

service_is_up() { [[ $(s6-svstat -o up "s6/$1" 2>/dev/null) == true ]]; }
service_is_changed() { ! cmp -s "s6/$1/data/wanted" "s6/$1/data/started"; }

# Starts a service, or restarts it when it is made of something else than what is running.
service_start() { # name
  rm -f "s6/$1/down"
  if ! service_is_up "$1"; then
    s6-svdt-clear "s6/$1" 2>/dev/null || true
    cp "s6/$1/data/wanted" "s6/$1/data/started"
    s6-svc -u "s6/$1"
  elif service_is_changed "$1"; then
    cp "s6/$1/data/wanted" "s6/$1/data/started"
    step "$1" "restarts: it changed"
    s6-svc -wR -T 20000 -r "s6/$1" 2>/dev/null || true
  else
    s6-svc -u "s6/$1" # a supervisor that was itself replaced would leave it down after its next death
  fi
}

service_await() { # name
  s6-svwait -U -t 180000 "s6/$1" 2>/dev/null || {
    tail -n 20 "log/$1/current" >&2
    die "$1 is not ready after three minutes; its log: $DIR/log/$1/current"
  }
  step "$1" ready
}

# Ends a service and waits for the end. Not being supervised is not an error here.
service_stop() { s6-svc -wD -T 60000 -d "s6/$1" 2>/dev/null || true; }

supervised() { # the names of all folders whose supervisor lives
  local folder
  for folder in s6/*/; do
    [[ ! -d $folder ]] || ! s6-svok "$folder" || basename "$folder"
  done
}

# In the order in which they can do without each other: nobody loses what it is using.
stop_everything() {
  local name names stopping=() infrastructure=" nginx kafka postgres "
  names=$(supervised)
  for name in $names; do
    [[ $infrastructure != *" $name "* ]] || continue
    service_stop "$name" &
    stopping+=($!)
  done
  ((${#stopping[@]} == 0)) || wait "${stopping[@]}"
  for name in $infrastructure; do
    [[ " ${names//$'\n'/ } " != *" $name "* ]] || service_stop "$name"
  done
}

supervisor_start() {
  if ! s6-svscanctl -z s6 2>/dev/null; then
    supervisor_repair
    hold_services
    setsid s6-svscan -t0 -c 200 s6 </dev/null >log/svscan 2>&1 9>&- &
    until s6-svscanctl -z s6 2>/dev/null; do sleep 0.02; done
  fi
  remove_unwanted
  s6-svscanctl -an s6
  supervisor_await
}

# A folder with the file `down` waits to be started: at the start of all, order matters. Later it must not be
# there, for a supervisor that was killed is replaced, and has to start what it looks after by itself.
hold_services() {
  local name
  for name in "${WANTED[@]}"; do touch "s6/$name/down"; done
}

# The head supervisor was killed, and what it started lives on without one: an orderly end, then anew.
supervisor_repair() {
  if [[ -n $(supervised) ]]; then
    step supervisor "was killed: everything is started anew"
    stop_everything
  fi
  supervisor_release
}

# Ends the supervisors that have no head, and what has no supervisor.
supervisor_release() {
  local folder supervised
  for folder in s6/*/; do
    [[ ! -e $folder/run ]] || (cd "$folder" && . ../../program/deploy/s6/common.sh && end_previous_life)
    for supervised in "$folder" "$folder/log"; do
      s6-svc -dx "$supervised" 2>/dev/null || true
      while s6-svok "$supervised"; do sleep 0.02; done
    done
  done
}

supervisor_await() {
  local name
  for name in "${WANTED[@]}"; do
    until s6-svok "s6/$name" && s6-svok "s6/$name/log"; do sleep 0.02; done
  done
}

remove_unwanted() {
  local folder name
  for folder in s6/*/; do
    name=$(basename "$folder")
    [[ " ${WANTED[*]} " == *" $name "* ]] || service_remove "$name"
  done
}

service_remove() { # name
  step "$1" "is gone"
  service_stop "$1"
  mv "s6/$1" "s6/.removed"
  s6-svscanctl -an s6
  s6-svc -dx s6/.removed 2>/dev/null || true
  s6-svc -dx s6/.removed/log 2>/dev/null || true
  while s6-svok s6/.removed || s6-svok s6/.removed/log; do sleep 0.02; done
  rm -rf s6/.removed
}

supervisor_stop() {
  stop_everything
  s6-svscanctl -t s6 2>/dev/null || supervisor_release
  local tries=0
  while s6-svscanctl -z s6 2>/dev/null; do
    ((++tries < 1500)) || die "the supervisor does not end: something still writes to a log of $DIR/log"
    sleep 0.02
  done
}
