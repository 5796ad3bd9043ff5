# Shared by the steps of scripts/setup: messages, checksummed stamps, a private apt state.

# die MESSAGE: one line that names the remedy, then exit 1.
die() {
  echo "setup: $*" >&2
  exit 1
}

# step NAME SECONDS-SINCE-EPOCH: the one line that a finished step prints.
say_done() {
  echo "setup: $1 ready ($(($(date +%s) - $2)) s)"
}

# once NAME OUTPUT INPUT-FILE... -- COMMAND...: runs COMMAND unless OUTPUT exists and the checksum of the
# input files is the one stamped after the last success. The log is shown only when COMMAND fails.
once() {
  local name=$1 output=$2 key start log
  local -a inputs=()
  shift 2
  while [ "$1" != -- ]; do
    inputs+=("$1")
    shift
  done
  shift
  key=$(cat "${inputs[@]}" | sha256sum | cut -d' ' -f1)
  [ -e "$output" ] && [ "$(cat "$AIT_CACHE/stamps/$name" 2>/dev/null)" = "$key" ] && return 0
  start=$(date +%s)
  log=$AIT_CACHE/log/$name.log
  rm -f "$AIT_CACHE/stamps/$name"
  # A subshell of its own: `set -e` is off inside the condition of an `if`.
  set +e
  (
    set -e
    "$@"
  ) >"$log" 2>&1
  local status=$?
  set -e
  [ $status = 0 ] || die "$name failed ($(cause "$log")); check the network and read $log, then run it again"
  echo "$key" >"$AIT_CACHE/stamps/$name"
  say_done "$name" "$start"
}

# cause LOG: the line of a failed step's log that most likely says why.
cause() {
  { grep -E '^(E:|W: Failed|Err:|ERROR|setup:|FAILED|.*[Ee]rror:)' "$1" || tail -n 1 "$1"; } | head -n 1 | cut -c1-200
}

# debian_mirror: the URI from which this host gets Debian bookworm.
debian_mirror() {
  apt-get indextargets --format '$(RELEASE) $(REPO_URI)' 'Created-By: Packages' |
    awk '$1 == "bookworm" || $1 == "stable" { print $2; exit }'
}

# private_apt DIR SOURCE-LINE: an apt state of its own in DIR with one source, exported as APT_CONFIG.
# The host's sources, lists and packages stay as they are; signatures are checked as usual.
private_apt() {
  local dir=$1 source=$2
  mkdir -p "$dir"/lists/partial "$dir"/cache/archives/partial
  echo "$source" >"$dir/sources.list"
  : >"$dir/status"
  cat >"$dir/apt.conf" <<CONF
Dir::State::lists "$dir/lists";
Dir::State::status "$dir/status";
Dir::Cache "$dir/cache";
Dir::Etc::sourcelist "$dir/sources.list";
Dir::Etc::sourceparts "-";
Dir::Etc::preferences "-";
Dir::Etc::preferencesparts "-";
APT::Sandbox::User "";
Acquire::Retries "3";
Acquire::Languages "none";
CONF
  export APT_CONFIG=$dir/apt.conf
  apt-get -qq update
}

DEBIAN_KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg
