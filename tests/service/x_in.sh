. "$(dirname "$0")/daemon_lib.sh"
a=$EPOCHREALTIME
instance_up
b=$EPOCHREALTIME
signet dev down "$instance" >/dev/null
sed -i 's/^administrators/request_deadline_s = 2\n&/' "$instance/signet.conf"
c=$EPOCHREALTIME
signet dev up "$instance" >/dev/null
d=$EPOCHREALTIME
echo "$(echo "$b-$a; $d-$c" | bc)"
cp $instance/signetd.log /tmp/e2e.log
