# shellcheck shell=bash
# What up, down and status share. DIR is the installation's folder, DEPLOY the folder of these scripts.

say() { printf '%s\n' "$*"; }
step() { printf '  %-11s %s\n' "$1" "$2"; }

die() {
  printf 'deploy: %s\n' "$*" >&2
  exit 1
}

# Makes FILE hold what comes on standard input; an equal file is left alone. (That takes no process: an
# installation has some hundred such files.)
write_file() { # file
  local file=$1 old='' new=''
  IFS= read -r -d '' new || true
  if [[ -e $file ]]; then
    IFS= read -r -d '' old <"$file" || true
    [[ $new != "$old" ]] || return 0
  fi
  printf '%s' "$new" >"$file.new"
  mv -f "$file.new" "$file"
}

# Makes TO a copy of FROM; a process that runs the old one keeps it.
copy_file() { # from to
  cmp -s "$1" "$2" && return
  cp "$1" "$2.new"
  mv -f "$2.new" "$2"
}

fingerprint() { sha256sum "$@" | sha256sum | cut -d' ' -f1; }
random_password() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }
is_scale() { [[ $1 =~ ^(0?\.[0-9]{1,4}|1|1\.0)$ && ! $1 =~ ^0?\.0+$ ]]; } # of the nation, 0.0001 to 1
is_listening() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
run_user() { if ((EUID == 0)); then echo eiso; else id -un; fi; }

# The folder as given, made absolute. What the files of five programs would each quote differently is refused.
use_folder() { # folder
  DIR=$(realpath -m -- "$1")
  case $DIR in
    *[[:space:]\'\"\\\$\`\;\{\}\#\*\?\[\]\|\&\<\>\(\)%]* | *[![:ascii:]]*)
      die "the folder's name holds a character that it must not: $DIR" ;;
  esac
}

# What `up` made bears a mark: `down --wipe` removes nothing else.
require_installation() { [[ -e $DIR/.eiso ]] || die "no installation in $DIR"; }

# Goes on as the user that owns the processes, with an environment of our own.
as_run_user() { # command...
  cd "$DIR" || die "cannot enter $DIR"
  local clean=(env -i PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin LANG=C.UTF-8 EISO_OPERATOR="${SUDO_USER:-$(id -un)}")
  if ((EUID == 0)); then
    exec setpriv --reuid=eiso --regid=eiso --init-groups --no-new-privs "${clean[@]}" "$@"
  else
    exec "${clean[@]}" "$@"
  fi
}

# One of up, down, status at a time.
lock_installation() {
  exec 9>"$DIR/.lock"
  flock -n 9 || die "another up or down is at work in $DIR"
}
