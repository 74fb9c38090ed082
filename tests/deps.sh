#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# deps.sh TIER...: see that everything a tier needs is there, and install what is missing. Tiers: build, test,
# browser, lint.
#
# A need is met when its probe finds it, whoever installed it; so nothing is asked of a package manager, and no
# network is used, unless something is missing. Without root, the command that would install it is printed
# and the script fails.
set -u
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
python=/usr/bin/python3 # the system's: its modules come from packages, and another python may stand before it

# tier   probe                       Debian, Ubuntu                            Fedora, RHEL
#        (a|b in a package column: the first that the archive knows)
needs='
build    cmd:gcc                     gcc                                       gcc
build    header:stdio.h              libc6-dev                                 glibc-devel
build    cmd:make                    make                                      make
build    cmd:pkg-config              pkg-config                                pkgconf-pkg-config
build    lib:yaml-0.1                libyaml-dev                               libyaml-devel
build    lib:jansson                 libjansson-dev                            jansson-devel
build    lib:libmd                   libmd-dev                                 libmd-devel
build    lib:libmnl                 libmnl-dev                                libmnl-devel
build    lib:libnetfilter_conntrack  libnetfilter-conntrack-dev                libnetfilter_conntrack-devel
build    lib:libiptc                 libiptc-dev                               iptables-legacy-devel|iptables-devel
build    lib:libip4tc                libip4tc-dev                              iptables-legacy-devel|iptables-devel
build    lib:libip6tc                libip6tc-dev                              iptables-legacy-devel|iptables-devel
build    lib:xtables                 libxtables-dev                            iptables-devel
test     lib:cmocka                  libcmocka-dev                             libcmocka-devel
test     cmd:iptables-restore        iptables                                  iptables-nft
test     cmd:ip6tables-restore       iptables                                  iptables-nft
test     cmd:iptables-legacy-restore iptables                                  iptables-legacy
test     cmd:nft                     nftables                                  nftables
test     cmd:ipset                   ipset                                     ipset
test     cmd:conntrack               conntrack                                 conntrack-tools
test     cmd:sysctl                  procps                                    procps-ng
test     cmd:modprobe                kmod                                      kmod
test     cmd:udevadm                 udev                                      systemd-udev
test     cmd:ip                      iproute2                                  iproute
test     cmd:ping                    iputils-ping                              iputils
test     file:/usr/bin/python3       python3                                   python3
test     python:jsonschema           python3-jsonschema                        python3-jsonschema
test     python:yaml                 python3-yaml                              python3-pyyaml
test     cmd:git                     git                                       git-core
test     cmd:valgrind                valgrind                                  valgrind
test     cmd:shellcheck              shellcheck                                ShellCheck
test     cmd:clang                   clang                                     clang
test     fuzzer:clang                libclang-rt-dev|libclang-common-14-dev    compiler-rt
test     cmd:mandoc                  mandoc                                    mandoc
test     cmd:socat                   socat                                     socat
test     cmd:vsftpd                  vsftpd                                    vsftpd
browser  any:chromium|chromium-browser  chromium                                 chromium
lint     cmd:clang-format            clang-format                              clang-tools-extra
lint     cmd:clang-tidy              clang-tidy                                clang-tools-extra
lint     cmd:cppcheck                cppcheck                                  cppcheck
lint     cmd:gcovr                   gcovr                                     gcovr
'

met() { # probe
    local what=${1#*:}
    case $1 in
    cmd:*) command -v "$what" >/dev/null ;;
    any:*) command -v "${what%%|*}" >/dev/null || command -v "${what##*|}" >/dev/null ;; # one of two
    lib:*) pkg-config --exists "$what" 2>/dev/null ;;
    file:*) [ -e "$what" ] ;;
    header:*) echo "#include <$what>" | cc -E - >/dev/null 2>&1 ;;
    python:*) "$python" -c "import importlib.util as u, sys; sys.exit(u.find_spec('$what') is None)" 2>/dev/null ;;
    fuzzer:*) find "$(clang -print-resource-dir 2>/dev/null)/lib" -name 'libclang_rt.fuzzer*' 2>/dev/null | grep -q . ;;
    esac
}

if command -v apt-get >/dev/null; then
    manager=apt
elif command -v dnf >/dev/null; then
    manager=dnf
elif command -v yum >/dev/null; then
    manager=yum
else
    manager=
fi

# Probes of the tiers that fail go to "missing", their packages to "packages".
look() {
    local tier probe debian fedora package
    missing=() packages=()
    while read -r tier probe debian fedora; do
        [[ " $tiers " == *" $tier "* ]] || continue
        met "$probe" && continue
        missing+=("$probe")
        case $manager in
        dnf | yum) package=$fedora ;;
        *) package=$debian ;;
        esac
        [[ " ${packages[*]-} " == *" $package "* ]] || packages+=("$package")
    done < <(grep . <<<"$needs")
}

known() { # package
    case $manager in
    apt) apt-cache show --no-all-versions "$1" ;;
    dnf | yum) "$manager" -q info "$1" ;;
    *) false ;;
    esac >/dev/null 2>&1
}

# Replaces each a|b by the first name that the archive has, or by the first where that cannot be told.
choose() {
    local i name
    for i in "${!packages[@]}"; do
        [[ ${packages[i]} == *"|"* ]] || continue
        for name in ${packages[i]//|/ }; do
            if known "$name"; then
                packages[i]=$name
                break
            fi
        done
        packages[i]=${packages[i]%%|*}
    done
}

install() {
    case $manager in
    apt)
        # A third party's archive that does not answer must not stop an install from the others.
        apt-get -qq update || echo 'apt-get update failed; trying with the lists at hand' >&2
        choose
        export DEBIAN_FRONTEND=noninteractive
        apt-get -qq -o Dpkg::Use-Pty=0 install -y --no-install-recommends "${packages[@]}"
        ;;
    dnf | yum)
        # RHEL and its kin keep some of these in repositories that are off at first; Fedora has no such names.
        "$manager" install -y epel-release >/dev/null 2>&1
        "$manager" config-manager --set-enabled crb >/dev/null 2>&1
        choose
        "$manager" install -y --setopt=strict=0 "${packages[@]}"
        ;;
    *)
        echo 'no apt-get, dnf or yum here' >&2
        return 1
        ;;
    esac
}

say_how() {
    choose
    echo "Missing: ${missing[*]#*:}" >&2
    case $manager in
    apt) echo "Install with: sudo apt-get install ${packages[*]}" >&2 ;;
    dnf | yum) echo "Install with: sudo $manager install ${packages[*]}" >&2 ;;
    *) echo "Debian calls the packages: ${packages[*]}" >&2 ;;
    esac
}

tiers=${*:-build test}
for tier in $tiers; do
    case $tier in
    build | test | browser | lint) ;;
    *)
        echo "usage: tests/deps.sh [build] [test] [browser] [lint]" >&2
        exit 2
        ;;
    esac
done

look
[ ${#missing[@]} -eq 0 ] && exit 0
if [ "$(id -u)" -ne 0 ] || [ -z "$manager" ]; then
    say_how
    exit 1
fi

echo "Installing: ${packages[*]}"
install
status=$?
look
if [ ${#missing[@]} -gt 0 ]; then
    say_how
    exit 1
fi
[ "$status" -eq 0 ] || echo 'the package manager complained, but everything needed is there' >&2
exit 0
