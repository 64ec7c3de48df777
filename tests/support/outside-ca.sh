# shellcheck shell=bash
# An outside CA, made with "openssl ca": a root and an intermediate, for tests and the demonstration.
#
#   outside_ca_make DIR             makes DIR/root.pem, DIR/int.pem, DIR/int.cnf …
#   outside_ca_sign DIR CSR OUT [OPTION of openssl ca]…

outside_ca_config() {
    local dir=$1 name=$2
    cat <<CONFIG
[ca]
default_ca = this
[this]
dir = $dir
database = $dir/$name.txt
new_certs_dir = $dir/issued
certificate = $dir/$name.pem
private_key = $dir/$name.key
rand_serial = yes
unique_subject = no
default_md = sha256
default_days = 90
policy = anything
copy_extensions = copy
x509_extensions = server
email_in_dn = no
[anything]
countryName = optional
stateOrProvinceName = optional
localityName = optional
organizationName = optional
organizationalUnitName = optional
commonName = supplied
[server]
basicConstraints = critical,CA:FALSE
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[intermediate]
basicConstraints = critical,CA:TRUE,pathlen:0
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[root]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[req]
distinguished_name = dn
prompt = no
[dn]
CN = $name
CONFIG
}

outside_ca_make() {
    local dir=$1
    mkdir -p "$dir/issued"
    : >"$dir/root.txt"
    : >"$dir/int.txt"
    outside_ca_config "$dir" root >"$dir/root.cnf"
    outside_ca_config "$dir" int >"$dir/int.cnf"
    openssl req -x509 -config "$dir/root.cnf" -extensions root -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc \
        -days 3650 -subj '/C=GB/O=Outside/CN=Outside Root' -keyout "$dir/root.key" -out "$dir/root.pem" 2>"$dir/log"
    openssl req -new -config "$dir/int.cnf" -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc \
        -subj '/C=GB/O=Outside/CN=Outside Intermediate' -keyout "$dir/int.key" -out "$dir/int.csr" 2>>"$dir/log"
    openssl ca -batch -notext -config "$dir/root.cnf" -extensions intermediate -days 1825 \
        -in "$dir/int.csr" -out "$dir/int.pem" 2>>"$dir/log"
}

outside_ca_sign() {
    local dir=$1 request=$2 out=$3
    shift 3
    openssl ca -batch -notext -config "$dir/int.cnf" -in "$request" -out "$out" "$@" 2>>"$dir/log"
}
