# shellcheck shell=sh
# shellcheck disable=SC2154 # here, data, say, die, make_data: bootstrap's, which reads this where it lies in a bundle
# Checks the bundle, then lets apt and pip take everything from it. Nothing of the machine's own /etc/apt or of its package lists is
# changed or used: apt gets a configuration and lists in a folder that remove.yml takes back, so that a kill leaves nothing there.
bundle=$here/bundle

case $here in *[%\"\'\\\#?\;\$\`]*) die "a bundle's folder has none of these in its path: % \" ' \\ # ? ; \$ \`. This one lies in $here: move it" ;; esac
# shellcheck disable=SC1091
system="$(. /etc/os-release && printf '%s %s' "${ID-}" "${VERSION_CODENAME:--}") $(dpkg --print-architecture)"
made_for=$(head -n 1 "$bundle/made-for")
[ "$system" = "$made_for" ] || die "this bundle is for $made_for, and this machine is $system: make one on a machine of its kind (bundle.yml)."
[ -e "$bundle/SHA256SUMS" ] || die "this bundle is not complete: bundle.yml did not end, or not all of it was copied. Let it run again, and copy it again."
say "checks the bundle, made for $made_for" >&2 # stdout may be JSON
damaged=$(cd "$here" && LC_ALL=C sha256sum --check --quiet --strict bundle/SHA256SUMS 2>&1) ||
  die "this bundle is damaged, and nothing was changed. Copy it again; settings belong into inventory/, or on the command line (-e). Not as it was made:" \
    "$(printf '%s\n' "$damaged" | sed -n 's/: FAILED.*//p' | head -n 5 | tr '\n' ' ')"

address=file://$(printf '%s' "$bundle" | sed 's/ /%20/g')
key="$here $(cksum <"$bundle/SHA256SUMS")"
make_data
(
  flock 9
  if [ "$(cat "$data/apt/made" 2>/dev/null)" != "$key" ]; then
    rm -rf "${data:?}/apt"
    mkdir -p "$data/apt/lists/partial"
    # trusted: each package's sum was just checked. Nobody has signed a bundle: take it from whom you trust.
    printf 'deb [trusted=yes] %s/packages ./\n' "$address" >"$data/apt/sources.list"
    cat >"$data/apt/apt.conf" <<END
Dir::Etc::sourcelist "$data/apt/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::State::lists "$data/apt/lists/";
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
APT::Sandbox::User "root"; // the bundle may lie where apt's own user may not read
END
    # By this user: lists of one's own need no root. Without the machine's hooks, which are about the machine's lists.
    printf '#include "%s";\nDir::Etc::main "/dev/null";\nDir::Etc::parts "/dev/null";\n' "$data/apt/apt.conf" >"$data/apt/lists.conf"
    listed=$(LC_ALL=C APT_CONFIG="$data/apt/lists.conf" apt-get -q update 2>&1) || die "the bundle's packages cannot be listed: $listed"
    printf '%s' "$key" >"$data/apt/made"
  fi
) 9>"$data/lock"
export APT_CONFIG="$data/apt/apt.conf" PIP_NO_INDEX=1 PIP_FIND_LINKS="$address/wheels"
