#!/usr/bin/env bash
# Debian's Tomcat serves HTTPS with key and trust store of rings, with the <Connector> that "signet provision tomcat" prints.
#
#   tomcat.sh [quick]      quick: one server, with the RSA key
. "$(dirname "$0")/lib.sh"
need java curl jq xmllint
home=/usr/share/tomcat10
[ -e "$home/bin/bootstrap.jar" ] || fail 'tomcat10-common is not installed; scripts/setup installs it'

consumer 'Tomcat' tomcat10-common 'server key and trust store'
instance_up
outside_ca_make "$scratch/ca"
owner_up
for type in ec:p256 rsa:2048; do
    server_certificate "${type%:*}" "$type"
    server_ring "RING-${type%:*}" "${type%:*}"
done
client_certificate ec:p256

# tomcat_up DIR PORT [SED SCRIPT ON THE CONNECTOR]
tomcat_up() {
    local dir=$1 port=$2 change=${3-} environment
    mkdir -p "$dir/conf" "$dir/logs" "$dir/temp" "$dir/work" "$dir/webapps/ROOT"
    echo "served by $(basename "$dir")" >"$dir/webapps/ROOT/index.txt"
    cat >"$dir/conf/server.xml" <<CONFIG
<Server port="-1">
  <Service name="Catalina">
$(sed -e "s/ port=\"8443\"/ port=\"$port\" address=\"127.0.0.1\"/; $change" "$dir/etc/tomcat10/signet-connector.xml")
    <Engine name="Catalina" defaultHost="localhost"><Host name="localhost" appBase="webapps"/></Engine>
  </Service>
</Server>
CONFIG
    cat >"$dir/conf/web.xml" <<'CONFIG'
<web-app xmlns="https://jakarta.ee/xml/ns/jakartaee" version="6.0">
  <servlet><servlet-name>default</servlet-name><servlet-class>org.apache.catalina.servlets.DefaultServlet</servlet-class></servlet>
  <servlet-mapping><servlet-name>default</servlet-name><url-pattern>/</url-pattern></servlet-mapping>
</web-app>
CONFIG
    xmllint --noout "$dir/conf/server.xml"
    mapfile -t environment < <(provisioned_environment "$dir")
    env "${environment[@]}" CATALINA_BASE="$dir" CATALINA_HOME="$home" bash "$home/bin/catalina.sh" run >"$dir/tomcat.log" 2>&1 &
    children+=("$!")
}

labels=(ec rsa)
[ "${1-}" != quick ] || labels=(rsa)
declare -A port
for label in "${labels[@]}" mutual; do
    port[$label]=$(free_port)
done
for label in "${labels[@]}"; do
    provision tomcat "START1/RING-$label" "$scratch/$label"
    tomcat_up "$scratch/$label" "${port[$label]}"
done
for label in "${labels[@]}"; do
    wait_for 60 listening "${port[$label]}"
    for version in 1.2 1.3; do
        say "$label, TLS $version"
        expect_text "served by $label" curl -sS --cacert "$scratch/ca/root.pem" --tlsv$version --tls-max $version \
            "https://localhost:${port[$label]}/index.txt"
    done
    expect_text 'Verify return code: 0 \(ok\)' openssl s_client -connect "localhost:${port[$label]}" -CAfile "$scratch/ca/root.pem" \
        -verify_return_error -servername localhost </dev/null
done

say 'no key file, no PIN'
! find "$scratch/rsa" -name '*.p12' -o -name '*.jks' | grep -q . || fail 'there is a key store file'
! grep -rqF "$(cat "$instance/pin")" "$scratch/rsa" || fail 'the PIN is in the directory of Tomcat'
[ "${1-}" != quick ] || exit 0

say 'client certificates, trusted by the ring'
provision tomcat START1/RING-rsa "$scratch/mutual"
tomcat_up "$scratch/mutual" "${port[mutual]}" 's/certificateVerification="none"/certificateVerification="required"/'
wait_for 60 listening "${port[mutual]}"
for version in 1.2 1.3; do
    expect_text 'served by mutual' curl_with_client_certificate --tlsv$version --tls-max $version "https://localhost:${port[mutual]}/index.txt"
    expect_failure '35|56' 'bad certificate|certificate required|handshake failure' curl -sS --cacert "$scratch/ca/root.pem" \
        --tlsv$version --tls-max $version "https://localhost:${port[mutual]}/index.txt"
done
