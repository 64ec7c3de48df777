#!/usr/bin/env bash
# A login to a local sshd with a ring's key: by ssh itself, by an agent, and by the configuration that "signet provision openssh" prints.
. "$(dirname "$0")/lib.sh"
need ssh ssh-keygen ssh-agent ssh-add jq
need_sshd

consumer 'OpenSSH' openssh-client 'user key, host key by an agent'
instance_up
outside_ca_make "$scratch/ca"
owner_up
for type in ec:p256 rsa:2048; do
    label=${type%:*}
    server_certificate "$label" "$type"
    server_ring "RING-$label" "$label"
    provision openssh "START1/RING-$label" "$scratch/$label"
done
mapfile -t environment < <(provisioned_environment "$scratch/ec")
export "${environment[@]}"
unset SSH_AUTH_SOCK

say 'ssh-keygen -D lists the keys of the rings; the exported public key is among them'
eval "$(provisioned_example "$scratch/ec" 'ssh-keygen -D')" >"$scratch/listed" 2>"$scratch/keygen.log" || fail "$(cat "$scratch/keygen.log")"
for label in ec rsa; do
    grep -qF "$(cat "$scratch/$label/etc/ssh/signet.pub")" "$scratch/listed" || fail "the key $label is not listed: $(cat "$scratch/listed")"
done

say 'a ring that is empty is no reason to ask for a PIN'
signet ring add START1/EMPTY >/dev/null
script -qec "timeout $(patiently 20) $(provisioned_example "$scratch/ec" 'ssh-keygen -D')" /dev/null </dev/null >"$scratch/listed" ||
    fail "ssh-keygen -D: $(cat "$scratch/listed")"
! grep -iE 'PIN|login failed' "$scratch/listed" || fail 'it asked for a PIN'
grep -q '^ecdsa-sha2-nistp256 ' "$scratch/listed" || fail "no key is listed: $(cat "$scratch/listed")"
signet ring delete START1/EMPTY >/dev/null

# login DIR PORT CONFIGURATION
login() {
    ssh -F "$3" -p "$2" -o BatchMode=yes -o UserKnownHostsFile="$1/known" -o GlobalKnownHostsFile=none \
        -o IdentityFile=none -o ConnectTimeout="$(patiently 20)" localhost 'echo logged in'
}

for label in ec rsa; do
    dir=$scratch/sshd-$label
    port=$(free_port)
    sshd_up "$dir" "$port" "$scratch/$label/etc/ssh/signet.pub"
    say "$label: a login with the printed configuration"
    expect_text 'logged in' login "$dir" "$port" "$scratch/$label/etc/ssh/ssh_config.d/signet.conf"
    say "$label: refused without it"
    expect_failure 255 'Permission denied' login "$dir" "$port" none
done

say 'by an agent'
eval "$(ssh-agent -a "$scratch/agent")" >/dev/null
children+=("$SSH_AGENT_PID")
eval "$(provisioned_example "$scratch/ec" 'ssh-add -s') </dev/null" >"$scratch/add.log" 2>&1 || fail "ssh-add: $(cat "$scratch/add.log")"
[ "$(ssh-add -L | grep -cE '^(ecdsa-sha2-nistp256|ssh-rsa) ')" -ge 2 ] || fail "the agent holds: $(ssh-add -L)"
expect_text 'logged in' login "$dir" "$port" none
echo content >"$scratch/file"
ssh-keygen -Y sign -f "$scratch/ec/etc/ssh/signet.pub" -n file "$scratch/file" 2>"$scratch/sign.log" || fail "sign: $(cat "$scratch/sign.log")"
expect_text 'Good "file" signature' ssh-keygen -Y check-novalidate -n file -s "$scratch/file.sig" <"$scratch/file"

say 'a host key in a ring, by the agent'
dir=$scratch/sshd-host
port=$(free_port)
cp "$scratch/ec/etc/ssh/signet.pub" "$scratch/hostkey.pub"
sed -i "s|^HostKey .*|HostKey $scratch/hostkey.pub\nHostKeyAgent $scratch/agent|" "$scratch/sshd-rsa/sshd.conf"
sed "s/^Port .*/Port $port/" "$scratch/sshd-rsa/sshd.conf" >"$scratch/sshd-host.conf"
"$sshd" -D -e -f "$scratch/sshd-host.conf" >"$scratch/sshd-host.log" 2>&1 &
children+=("$!")
wait_for 15 listening "$port"
mkdir -p "$dir"
sed "s/^/[localhost]:$port /" "$scratch/hostkey.pub" >"$dir/known"
expect_text 'logged in' login "$dir" "$port" none
