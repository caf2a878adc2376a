#!/usr/bin/env bash
# The libraries that lurus.exe links, for x86_64-w64-mingw32, from Debian's own sources. They are made once and kept in the cache
# folder, under a name that follows from this recipe and the compiler.
#   libraries.sh            makes what is missing, and prints the folder: include, lib, versions.tsv
#   libraries.sh --where    prints the folder only
set -euo pipefail

target=x86_64-w64-mingw32
cc=$target-gcc-posix
cxx=$target-g++-posix
flags='-O2 -ffunction-sections -fdata-sections'
cache=${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/lurus/windows
say() { printf '%s\n' "$*" >&2; }
die() { say "windows libraries: $*"; exit 1; }
command -v "$cc" >/dev/null || die "there is no $cc (Debian: g++-mingw-w64-x86-64-posix)"

recipe=$({ cat "${BASH_SOURCE[0]}"; "$cc" -dumpfullversion; "$cc" -dumpmachine; } | sha256sum | cut -c1-16)
folder=$cache/$recipe
if [[ ${1:-} == --where ]]; then
    echo "$folder"
    exit
fi
if [[ -e $folder/versions.tsv ]]; then
    echo "$folder"
    exit
fi

mkdir -p "$cache"
exec 9>"$cache/$recipe.lock"
flock 9
if [[ -e $folder/versions.tsv ]]; then # another process made them meanwhile
    echo "$folder"
    exit
fi
work=$cache/$recipe.work
out=$work/out
rm -rf "$work"
mkdir -p "$work/sources" "$work/logs" "$out/include" "$out/lib"
begin=$SECONDS
export CCACHE_BASEDIR=$work CCACHE_NOHASHDIR=1

# ---- sources ------------------------------------------------------------------------------------------------------

# The archive that this machine's apt uses for Debian; its releases are signed, and apt checks that.
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
archives=$(apt-get indextargets --format '$(ORIGIN)|$(REPO_URI)|$(RELEASE)' 'Created-By: Packages' |
    awk -F'|' '$1 == "Debian" && !/backports/ { print $2, $3 }' | sort -u)
[[ -n $archives ]] || die "apt knows no release of Debian: the sources are Debian's (apt-get update, as root, on a Debian)"
codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
next_codename=trixie
main=$(awk -v of="$codename" '$2 == of { print $1; exit }' <<<"$archives")

# apt_of NAME: the options for a set of sources of our own.
apt_of() {
    echo "-qo Dir::Etc::sourcelist=$work/apt/$1.list -o Dir::Etc::sourceparts=/dev/null -o Dir::State::lists=$work/apt/$1 \
        -o Dir::Cache=$work/apt/cache -o APT::Sandbox::User= -o Acquire::Retries=3"
}
make_apt() { # NAME, and lines "URI SUITE" from standard input
    mkdir -p "$work/apt/$1/partial" "$work/apt/cache"
    sed "s|.*|deb-src [signed-by=$keyring] & main|" >"$work/apt/$1.list"
    apt-get $(apt_of "$1") update >>"$work/logs/apt" 2>&1 || {
        tail -n 5 "$work/logs/apt" >&2
        die "the lists of Debian's sources could not be fetched"
    }
}

# fetch PACKAGE...: the newest version that the archive hands out. A security update's sources may be gone where the list still
# names them: then the release's own are taken.
fetch() {
    local package version set
    cd "$work/sources"
    for package in "$@"; do
        for set in security release none; do
            [[ $set != none ]] || die "no version of $package can be fetched (see $work/logs/apt)"
            for version in $(apt-cache $(apt_of $set) showsrc --only-source "$package" 2>/dev/null | awk '$1 == "Version:" { print $2 }' | sort -ruV); do
                apt-get $(apt_of $set) source "$package=$version" >>"$work/logs/apt" 2>&1 && break 2
            done
        done
        note "$package" "$version"
    done
}

# fetch_next PACKAGE: upstream's archive as the next release of Debian has it.
fetch_next() {
    local version
    mkdir -p "$work/sources/$1"
    cd "$work/sources/$1"
    version=$(apt-cache $(apt_of next) showsrc --only-source "$1" | awk '$1 == "Version:" { print $2; exit }')
    apt-get $(apt_of next) source --tar-only "$1" >>"$work/logs/apt" 2>&1 || die "$1 $version cannot be fetched (see $work/logs/apt)"
    tar xf "$1"_*.orig.tar.* --strip-components=1
    note "$1" "$version"
}

note() {
    printf '%s\t%s\n' "$1" "$2" >>"$out/versions.tsv.part"
    say "windows libraries: $1 $2"
}

# ---- recipes ------------------------------------------------------------------------------------------------------

source_of() { echo "$work/sources/$1"*/; }
in_source() { cd "$(source_of "$1")"; }

# archive NAME OBJECT...
archive() { "$target-ar" rcs "$out/lib/lib$1.a" "${@:2}"; }

use_cmake() { # SOURCE OPTION...: configured in build-windows
    cmake -G Ninja -S "$1" -B build-windows -DCMAKE_SYSTEM_NAME=Windows -DCMAKE_SYSTEM_PROCESSOR=x86_64 \
        -DCMAKE_C_COMPILER="$cc" -DCMAKE_CXX_COMPILER="$cxx" -DCMAKE_RC_COMPILER="$target-windres" \
        -DCMAKE_C_COMPILER_LAUNCHER=ccache -DCMAKE_CXX_COMPILER_LAUNCHER=ccache \
        -DCMAKE_FIND_ROOT_PATH="$out;/usr/$target" -DCMAKE_FIND_ROOT_PATH_MODE_PROGRAM=NEVER \
        -DCMAKE_FIND_ROOT_PATH_MODE_LIBRARY=ONLY -DCMAKE_FIND_ROOT_PATH_MODE_INCLUDE=ONLY -DCMAKE_FIND_ROOT_PATH_MODE_PACKAGE=ONLY \
        -DCMAKE_BUILD_TYPE=Release -DCMAKE_C_FLAGS_RELEASE="$flags -DNDEBUG" -DCMAKE_CXX_FLAGS_RELEASE="$flags -DNDEBUG" \
        -DCMAKE_INSTALL_PREFIX="$out" -DBUILD_SHARED_LIBS=OFF "${@:2}"
}

make_openssl() {
    in_source openssl
    # `fips`, `legacy` and modules are files of their own, engines are loaded: this is one file, which loads none.
    CC="ccache $cc" AR=$target-ar RANLIB=$target-ranlib RC=$target-windres ./Configure mingw64 no-shared no-tests no-module no-legacy no-engine \
        no-dynamic-engine no-ssl3 no-weak-ssl-ciphers no-idea no-mdc2 no-rc2 no-rc4 no-rc5 no-seed no-bf no-cast no-camellia no-aria no-sm2 no-sm3 no-sm4 \
        no-whirlpool no-md4 no-rmd160 no-srp no-psk no-gost no-cms no-ts no-ct no-cmp no-dtls no-comp no-ui-console no-uplink \
        --prefix=/ --openssldir="C:/Program Files/Common Files/SSL" --libdir=lib $flags
    make -j2 build_generated
    make -j2 libcrypto.a libssl.a
    cp libcrypto.a libssl.a "$out/lib/"
    cp -R include/openssl "$out/include/"
}

make_sqlite3() {
    in_source sqlite3
    # The options by which Debian compiles it.
    local options
    options=$(grep -oE -- '-DSQLITE_[A-Z0-9_]+(=[0-9]+)?' debian/rules | sort -u)
    ./configure --disable-tcl
    make sqlite3.c
    ccache "$cc" $flags -DNDEBUG $options -DSQLITE_ENABLE_FTS4 -DSQLITE_ENABLE_FTS5 -DSQLITE_ENABLE_MATH_FUNCTIONS \
        -c sqlite3.c -o sqlite3-windows.o
    archive sqlite3 sqlite3-windows.o
    cp sqlite3.h sqlite3ext.h "$out/include/"
}

make_sqlitecpp() {
    in_source sqlitecpp
    local file objects=()
    for file in src/*.cpp; do
        ccache "$cxx" -std=c++17 $flags -DNDEBUG -DSQLITE_ENABLE_COLUMN_METADATA -Iinclude -I"$out/include" -c "$file" -o "${file%.cpp}.o"
        objects+=("${file%.cpp}.o")
    done
    archive SQLiteCpp "${objects[@]}"
    cp -R include/SQLiteCpp "$out/include/"
}

make_zlib() {
    in_source zlib
    local file objects=()
    for file in *.c; do
        ccache "$cc" $flags -DNDEBUG -c "$file" -o "${file%.c}.o"
        objects+=("${file%.c}.o")
    done
    archive z "${objects[@]}"
    cp zlib.h zconf.h "$out/include/"
}

make_libzstd() {
    in_source libzstd
    make -C lib libzstd.a-mt OS=Windows_NT TARGET_SYSTEM=Windows_NT CC="ccache $cc" AR=$target-ar CFLAGS="$flags" ZSTD_LEGACY_SUPPORT=0 -j2
    cp lib/libzstd.a "$out/lib/"
    cp lib/zstd.h lib/zstd_errors.h lib/zdict.h "$out/include/"
}

make_brotli() {
    in_source brotli
    local part file objects
    for part in common dec enc; do
        objects=()
        for file in c/$part/*.c; do
            ccache "$cc" $flags -DNDEBUG -Ic/include -c "$file" -o "${file%.c}.o"
            objects+=("${file%.c}.o")
        done
        archive "brotli$part" "${objects[@]}"
    done
    cp -R c/include/brotli "$out/include/"
}

make_argon2() {
    in_source argon2
    local name objects=()
    for name in argon2 core blake2/blake2b thread encoding opt; do
        ccache "$cc" $flags -std=c89 -DNDEBUG -DA2_VISCTL=0 -Iinclude -Isrc -c "src/$name.c" -o "$(basename "$name").o"
        objects+=("$(basename "$name").o")
    done
    archive argon2 "${objects[@]}"
    cp include/argon2.h "$out/include/"
}

make_abseil() {
    in_source abseil
    use_cmake . -DCMAKE_CXX_STANDARD=17 -DABSL_ENABLE_INSTALL=OFF -DBUILD_TESTING=OFF -DABSL_PROPAGATE_CXX_STD=ON
    ninja -C build-windows -j2 absl_time
    find build-windows -name 'libabsl_*.a' -exec cp -t "$out/lib" {} +
    find absl -name '*.h' -o -name '*.inc' | tar cf - -T - | tar xf - -C "$out/include"
}

make_curl() {
    in_source curl
    use_cmake . -DBUILD_CURL_EXE=OFF -DBUILD_TESTING=OFF -DENABLE_MANUAL=OFF -DCURL_USE_OPENSSL=ON -DOPENSSL_USE_STATIC_LIBS=ON \
        -DCURL_DISABLE_{FTP,FILE,TELNET,LDAP,LDAPS,DICT,TFTP,GOPHER,POP3,IMAP,SMB,RTSP,MQTT,NTLM,ALTSVC,HSTS,COOKIES,DOH,MIME,NETRC,PROXY}=ON \
        -DCURL_USE_LIBSSH2=OFF -DCURL_USE_LIBPSL=OFF -DUSE_LIBIDN2=OFF -DUSE_NGHTTP2=OFF -DCURL_ZLIB=OFF -DCURL_BROTLI=OFF -DCURL_ZSTD=OFF \
        -DUSE_WIN32_LDAP=OFF -DCURL_ENABLE_SSL=ON -DENABLE_UNIX_SOCKETS=OFF
    ninja -C build-windows -j2 libcurl
    cp build-windows/lib/libcurl*.a "$out/lib/libcurl.a"
    cp -R include/curl "$out/include/"
}

# The client's half.
make_openldap() {
    in_source openldap
    # What configure cannot run here: there is no <regex.h>, which only the server needs.
    ac_cv_header_regex_h=yes ol_cv_c_posix_regex=yes ac_cv_search_regfree='none required' ac_cv_func_memcmp_working=yes \
        ./configure --host=$target CC="ccache $cc" CFLAGS="$flags" CPPFLAGS="-I$out/include" LDFLAGS="-L$out/lib" \
        LIBS='-lssl -lcrypto -lws2_32 -lcrypt32 -lgdi32' --with-yielding_select=yes --disable-slapd --with-tls=openssl --without-cyrus-sasl \
        --without-fetch --disable-shared --enable-static
    make -C include ldap_config.h lber_types.h ldap_features.h
    local name
    for name in liblutil.a liblber.la libldap.la; do # with the newer of the two kinds of sockets
        make -C "libraries/${name%.*}" "$name" CC="ccache $cc -include winsock2.h -include ws2tcpip.h" AR="$target-ar"
    done
    cp libraries/liblber/.libs/liblber.a libraries/libldap/.libs/libldap.a "$out/lib/"
    cp include/{ldap,lber,ldap_features,lber_types,ldap_cdefs,ldap_utf8}.h "$out/include/"
}

# bcrypt alone, to verify hashes that were imported. Its build system wants tools of its own; the files it would generate are
# these three.
make_libxcrypt() {
    in_source libxcrypt
    local scripts=build-aux/scripts hashes=,bcrypt,bcrypt_y,bcrypt_a, version name objects=()
    version=$(basename "$PWD") && version=${version##*-}
    printf '#define %s\n' "PACKAGE_VERSION \"$version\"" 'HAVE_CONFIG_H 1' 'HAVE_MAX_ALIGN_T 1' 'HAVE_STATIC_ASSERT_IN_ASSERT_H 1' \
        'ENDIANNESS_IS_LITTLE 1' >config.h
    perl $scripts/gen-crypt-hashes-h lib/hashes.conf $hashes >crypt-hashes.h
    perl $scripts/gen-crypt-symbol-vers-h false SYMVER_MIN=GLIBC_2.0 SYMVER_FLOOR=XCRYPT_2.0 COMPAT_ABI=no lib/libcrypt.map.in >crypt-symbol-vers.h
    perl $scripts/gen-crypt-h lib/crypt.h.in config.h lib/hashes.conf $hashes >crypt.h
    for name in crypt crypt-bcrypt util-make-failure-token util-xbzero util-xstrcpy util-get-random-bytes; do
        ccache "$cc" $flags -std=gnu11 -include stdalign.h -DHAVE_CONFIG_H -DIN_LIBCRYPT -I. -Ilib -c "lib/$name.c" -o "$name.o"
        objects+=("$name.o")
    done
    archive crypt "${objects[@]}"
    cp crypt.h "$out/include/"
}

# The client library alone, of whose sources those are taken that it needs; into one archive, since its own build makes a DLL.
make_postgresql() {
    in_source postgresql
    ./configure --host=$target CC="$cc" AR=$target-ar CFLAGS="$flags" CPPFLAGS="-I$out/include" LDFLAGS="-L$out/lib" \
        LIBS='-lcrypt32 -lws2_32 -lgdi32' --with-ssl=openssl --without-zlib --without-readline
    make -C src/port pg_config_paths.h
    sed -i 's/__declspec *(dll[a-z]*)//' src/include/port/win32.h
    local libpq=src/interfaces/libpq common=src/common port=src/port file name objects=() renamed=()
    # The compiler's threads have functions of these names.
    for name in self setspecific getspecific mutex_init mutex_lock mutex_unlock; do renamed+=("-Dpthread_$name=libpq_pthread_$name"); done
    for file in $libpq/{fe-{auth,auth-scram,connect,exec,lobj,misc,print,protocol3,secure,secure-common,secure-openssl,trace},legacy-pqsignal,libpq-events,pqexpbuffer,win32,pthread-win32} \
        $common/{base64,cryptohash_openssl,encnames,hmac_openssl,ip,link-canary,md5_common,saslprep,scram-common,string,unicode_norm,wchar} \
        $port/{chklocale,dirmod,explicit_bzero,getaddrinfo,getpeereid,inet_aton,inet_net_ntop,noblock,open,pg_strong_random,pgsleep,pgstrcasecmp,snprintf,strerror,strlcpy,system,timingsafe_bcmp,win32common,win32error,win32ntdll,win32setlocale,win32stat}; do
        ccache "$cc" $flags -w -fno-strict-aliasing -fwrapv -fexcess-precision=standard -DNDEBUG -DFRONTEND -DUNSAFE_STAT_OK -DBUILDING_DLL \
            "${renamed[@]}" -I$libpq -I$port -I$common -Isrc/include -Isrc/include/port/win32 -I"$out/include" -c "$file.c" -o "$file.o"
        objects+=("$file.o")
    done
    archive pq "${objects[@]}"
    mkdir "$out/include/postgresql"
    cp $libpq/libpq-fe.h src/include/{postgres_ext,pg_config_ext}.h "$out/include/postgresql/"
}

make_libpqxx() {
    in_source libpqxx
    local file objects=()
    : >include/pqxx/config-public-compiler.h # what configure finds out of the compiler: nothing that C++17 does not have
    : >include/pqxx/config-internal-compiler.h
    for file in src/*.cxx; do
        ccache "$cxx" -std=c++17 $flags -w -DNDEBUG -D_WIN32_WINNT=0x0A00 -Iinclude -I"$out/include/postgresql" -c "$file" -o "${file%.cxx}.o"
        objects+=("${file%.cxx}.o")
    done
    archive pqxx "${objects[@]}"
    cp -R include/pqxx "$out/include/"
}

# Headers only: those that Debian has installed, without the rest of /usr/include.
link_headers() {
    local name
    for name in boost CLI toml++ nlohmann doctest fmt spdlog; do
        [[ -d /usr/include/$name ]] || die "there is no /usr/include/$name"
        ln -s "/usr/include/$name" "$out/include/$name"
    done
}

# ---- all of it ----------------------------------------------------------------------------------------------------

# make_all NAME...: one after the other.
make_all() {
    local name started status
    for name in "$@"; do
        started=$SECONDS
        set +e
        (
            set -e
            "make_$name"
        ) >"$work/logs/$name" 2>&1
        status=$?
        set -e
        if ((status)); then
            tail -n 20 "$work/logs/$name" >&2
            say "windows libraries: $name cannot be made (all of it: $work/logs/$name)"
            return 1
        fi
        say "windows libraries: $name made ($((SECONDS - started)) s)"
    done
}

say "windows libraries: making them in $folder (once)"
make_apt security < <(grep -e '-security$' <<<"$archives")
make_apt release < <(grep -v -e '-security$' <<<"$archives")
make_apt next <<<"$main $next_codename"
fetch openssl sqlite3 sqlitecpp zlib libzstd brotli abseil curl libxcrypt openldap postgresql-15 libpqxx
fetch_next argon2
link_headers
# Not as parts of a condition, where bash goes on after an error.
make_all openssl curl openldap postgresql libpqxx &
first=$!
make_all sqlite3 sqlitecpp zlib libzstd brotli argon2 abseil libxcrypt &
second=$!
failed=0
wait $first || failed=1
wait $second || failed=1
((!failed)) || die "not made (the logs are in $work/logs)"
mv "$out/versions.tsv.part" "$out/versions.tsv"
rm -rf "$folder"
mv "$out" "$folder"
rm -rf "$work"
say "windows libraries: made in $((SECONDS - begin)) s"
echo "$folder"
