# shellcheck shell=bash
# up, first part, as whoever calls: the programs are built and copied into the installation's folder.
# What runs is that copy: a build in the checkout changes nothing that is running.

BUILD=${EISO_BUILD:-$DEPLOY/../build/release} # EISO_BUILD: programs that somebody else has built

prepare_programs() {
  KAFKA_LIBS=$("$DEPLOY/kafka/fetch")
  [[ -n ${EISO_BUILD-} ]] || build_programs
}

build_programs() {
  local log=$DEPLOY/../build/release.log
  mkdir -p "${log%/*}"
  (
    cd "$DEPLOY/.."
    [[ -e $BUILD/build.ninja ]] || cmake --preset release
    cmake --build --preset release
  ) >"$log" 2>&1 || {
    tail -n 40 "$log" >&2
    die "the build failed; all of it: $log"
  }
  step programs built
}

prepare_folder() {
  local owner
  if ((EUID == 0)) && ! id eiso >/dev/null 2>&1; then
    useradd --system --no-create-home --shell /usr/sbin/nologin eiso
  fi
  [[ -e $DIR ]] || make_folder
  [[ -e $DIR/.eiso || -z $(ls -A "$DIR") ]] || die "$DIR holds something else; choose an empty or a new folder"
  ((EUID)) || [[ -e $DIR/.eiso ]] || chown eiso:eiso "$DIR"
  owner=$(stat -c %U "$DIR")
  [[ $owner == "$(run_user)" ]] || die "$DIR belongs to $owner, and the processes would run as $(run_user)"
  is_reachable "$DIR" || die "the user eiso, as whom the processes run, cannot reach $DIR; choose another --dir"
  touch "$DIR/.eiso"
}

is_reachable() { ((EUID)) || setpriv --reuid=eiso --regid=eiso --init-groups test -x "$1"; } # folder

# Below a folder that is closed to the processes' user (root's home, mostly), a link leads to where they can work.
make_folder() {
  local parent
  parent=$(dirname "$DIR")
  mkdir -p "$parent"
  if is_reachable "$parent"; then
    mkdir "$DIR"
  else
    mkdir -p /var/lib/eiso
    ln -s "$(mktemp -d /var/lib/eiso/XXXXXX)" "$DIR"
    say "  the user eiso cannot enter $parent: $DIR leads to $(readlink "$DIR")"
    DIR=$(realpath "$DIR")
    chmod 755 "$DIR"
  fi
}

install_programs() {
  mkdir -p "$DIR/program/bin" "$DIR/program/kafka"
  local program
  for program in "$BUILD"/bin/eiso-*; do
    [[ ! -x $program ]] || copy_file "$program" "$DIR/program/bin/${program##*/}"
  done
  for program in "$DIR"/program/bin/*; do
    [[ -e $BUILD/bin/${program##*/} ]] || rm -f "$program"
  done
  if ! cmp -s "$KAFKA_LIBS/jars.sha256" "$DIR/program/kafka/jars.sha256"; then
    rm -rf "$DIR/program/kafka.new"
    cp -a "$KAFKA_LIBS" "$DIR/program/kafka.new"
    rm -rf "$DIR/program/kafka"
    mv "$DIR/program/kafka.new" "$DIR/program/kafka"
  fi
  install_scripts
}

install_scripts() {
  local file
  while read -r file; do
    mkdir -p "$(dirname "$DIR/program/deploy/$file")"
    copy_file "$DEPLOY/$file" "$DIR/program/deploy/$file"
  done < <(cd "$DEPLOY" && find lib s6 nginx kafka -type f)
}
