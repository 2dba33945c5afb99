# shellcheck shell=dash
# For the run and finish scripts of supervised services, which start in their own folder, DIR/s6/NAME.
# A script that needs the installation's folder asks here, so that no path is written into any of them.

DIR=$(cd ../.. && pwd -P)
export DIR

start_time() { # pid: when it began, in clock ticks since boot; with its number that names one life
  stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
  # shellcheck disable=SC2086 # fields; the command's name, which may hold blanks, is cut off
  set -- ${stat##*) }
  [ "$1" != Z ] || return 1 # dead, and nobody has looked yet
  echo "${20}"
}

# begin_life: the previous process of this service, if it outlived its supervisor, ends before this
# one starts; then this one, which is about to exec the program, is written down.
begin_life() {
  exec 2>&1
  umask 077
  limit=$(ulimit -Hn)
  { [ "$limit" = unlimited ] || [ "$limit" -gt 65536 ]; } && limit=65536
  ulimit -n "$limit"
  end_previous_life
  echo "$$ $(start_time $$)" >data/life
}

end_previous_life() {
  { read -r pid started <data/life; } 2>/dev/null || return 0
  signal=SIGTERM
  [ ! -e down-signal ] || read -r signal <down-signal
  tries=0
  while [ "$(start_time "$pid")" = "$started" ]; do
    [ "$tries" -ne 0 ] || kill -s "${signal#SIG}" "$pid"
    [ $((tries += 1)) -lt 150 ] || kill -s KILL "$pid"
    sleep 0.2
  done
}

# back_off EXIT-CODE SIGNAL: what fails again and again waits longer each time, 0.2 to 3 seconds;
# what was told to end, or ran for ten seconds, does not. Nothing gives up.
back_off() {
  age=$(($(date +%s) - $(stat -c %Y data/life)))
  if [ "$1" = 0 ] || [ "$1" = 143 ] || [ "$2" = 15 ] || [ "$age" -ge 10 ]; then
    rm -f data/delay
    return
  fi
  read -r delay 2>/dev/null <data/delay || delay=1
  delay=$((delay * 2))
  [ "$delay" -le 30 ] || delay=30
  echo "$delay" >data/delay
  sleep "$((delay / 10)).$((delay % 10))"
}

# pids_here NAME FOLDER: our processes of that name that work in that folder.
pids_here() {
  for pid in $(pgrep -u "$(id -u)" -x "$1"); do
    if [ "$(readlink "/proc/$pid/cwd")" = "$2" ]; then echo "$pid"; fi
  done
}

# end_orphans NAME FOLDER SIGNAL: a killed parent leaves children, which hold its port or its memory.
end_orphans() {
  signal=$3
  tries=0
  while orphans=$(pids_here "$1" "$2") && [ -n "$orphans" ] && [ "$tries" -lt 20 ]; do
    [ $((tries += 1)) -lt 15 ] || signal=KILL
    # shellcheck disable=SC2086 # a list
    kill "-$signal" $orphans 2>/dev/null
    sleep 0.1
  done
}
