# Tells what it got, gets healthy, and says what it was stopped with.
trap 'echo stopped by USR1; exit 3' USR1
trap 'echo stopped by TERM; exit 0' TERM
trap 'echo stopped by INT; exit 4' INT
echo "arguments: $*"
echo "as $(id) in $PWD, $KIND"
echo complaint >&2
touch /tmp/healthy
echo ready
while :; do sleep 0.05; done
