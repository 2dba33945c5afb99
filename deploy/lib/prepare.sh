# shellcheck shell=bash
# up, first part, as whoever calls: the programs are built and copied into the installation's folder.
# What runs is that copy: a build in the checkout changes nothing that is running.

BUILD=${EISO_BUILD:-$DEPLOY/../build/release} # EISO_BUILD: programs that somebody else has built

prepare_programs() {
  KAFKA_LIBS=$("$DEPLOY/kafka/fetch")
  [[ -n ${EISO_BUILD-} ]] || build_programs
}

build_programs() {
  local log=$DEPLOY/../build/release.log targets
  mkdir -p "${log%/*}"
  (
    cd "$DEPLOY/.."
    [[ -e $BUILD/build.ninja ]] || cmake --preset release
    mapfile -t targets < <(ninja -C "$BUILD" -t targets all | sed -n 's/^\(bin\/eiso-[a-z-]*\): .*/\1/p')
    ((${#targets[@]} == 0)) || ninja -C "$BUILD" "${targets[@]}"
  ) >"$log" 2>&1 || {
    tail -n 40 "$log" >&2
    die "the build failed; all of it: $log"
  }
  step programs built
}

prepare_folder() {
  local owner user
  user=$(run_user)
  if ((EUID == 0)) && ! id eiso >/dev/null 2>&1; then
    useradd --system --no-create-home --shell /usr/sbin/nologin eiso
  fi
  if [[ ! -e $DIR ]]; then
    mkdir -p "$DIR"
    ((EUID)) || chown eiso:eiso "$DIR"
  fi
  owner=$(stat -c %U "$DIR")
  [[ $owner == "$user" ]] || die "$DIR belongs to $owner, and the processes would run as $user"
  ((EUID)) || setpriv --reuid=eiso --regid=eiso --init-groups test -w "$DIR" ||
    die "the user eiso, as whom the processes run, cannot reach $DIR; choose another --dir, such as /srv/eiso"
}

install_programs() {
  mkdir -p "$DIR/program/bin" "$DIR/program/kafka"
  local program
  for program in "$BUILD"/bin/eiso-*; do
    [[ ! -x $program ]] || copy_file "$program" "$DIR/program/bin/${program##*/}"
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
  done < <(cd "$DEPLOY" && find down status lib s6 nginx kafka -type f)
}
