# Keeps one server and its folder for the process at the other end of standard input. That pipe is closed however the
# process ends, even when it is killed; then the server is stopped and the folder is removed. Everything is done one
# after the other by this one shell, so a server that is just being started is stopped too.
#
# Orders are lines; each is answered with a line: its status, and the id of the server. The first answer comes unasked,
# when the folder is there.
folder=$1 bin=$2 template=$3 last=$4
pid=
umask 077
# Nobody else ends this shell, not even by Ctrl-C or by a pipe whose reader is gone.
trap '' HUP INT TERM PIPE

# A fresh cluster in $folder/data and its password beside it. It is made once and kept as one file, which is renamed
# into its place, so that another process sees all of it or nothing.
prepare() {
    if [ -f "$template" ] && [ -O "$template" ] && [ ! -L "$template" ]; then
        tar -xf "$template" -C "$folder" && return
        rm -rf "$folder/data"
    fi
    od -An -N16 -tx1 /dev/urandom | tr -d ' \n' >"$folder/password" || return
    "$bin/initdb" --pgdata="$folder/data" --username=postgres --pwfile="$folder/password" \
        --auth-local=trust --auth-host=scram-sha-256 --encoding=UTF8 --locale=C.UTF-8 --lc-messages=C \
        --no-sync || return
    tar -cf "$template.$$" -C "$folder" data password && mv -f "$template.$$" "$template" || rm -f "$template.$$"
}

# What a running server holds, in $folder/data; with -R it goes on following that server.
copy() {
    "$bin/pg_basebackup" --pgdata="$folder/data" --wal-method=stream --checkpoint=fast --no-sync --dbname="$@"
}

run() {
    "$@" >>"$folder/log" 2>&1 </dev/null &
    pid=$!
}

# Ends with the server, or at once where none runs.
stop() {
    if [ -n "$pid" ]; then
        kill -s "$1" "$pid"
        wait "$pid"
        pid=
    fi
}

mkdir "$folder" || exit
echo 0
while read -r order argument; do
    case $order in
        prepare) prepare >>"$folder/log" 2>&1 ;;
        copy) copy "$argument" >>"$folder/log" 2>&1 ;;
        follow) copy "$argument" --write-recovery-conf >>"$folder/log" 2>&1 ;;
        postgres) run "$bin/postgres" -D "$folder/data" -k "$folder" -p "$argument" ;;
        pgbouncer) run "$argument" "$folder/pgbouncer.ini" ;;
        promote) "$bin/pg_ctl" promote --wait --silent --pgdata="$folder/data" >>"$folder/log" 2>&1 ;;
        stop) stop "$argument" ;;
    esac
    echo "$? $pid"
done
stop "$last"
rm -rf "$folder"
