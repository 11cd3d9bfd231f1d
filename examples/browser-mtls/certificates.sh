#!/usr/bin/env bash
# Makes the certificates of this example into a folder, in the form in which cert-manager would keep them: Secrets with tls.crt,
# tls.key and ca.crt, and for those whom a browser uses, a PKCS#12 file and its password. On a machine without cluster
# openssl does what cert-manager does there; the README shows both. Usage: certificates.sh FOLDER
set -euo pipefail
[ $# = 1 ] || { echo 'usage: certificates.sh FOLDER' >&2; exit 1; }
command -v openssl >/dev/null || { echo 'certificates.sh: openssl is not installed' >&2; exit 1; }
mkdir -p "$(dirname "$1")"
umask 077 # there are private keys in it
mkdir -p "$1"
cd "$1"

curve=(-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes)

authority() { # NAME
  openssl req -x509 "${curve[@]}" -keyout "$1.key" -out "$1.crt" -days 365 -subj "/CN=$1" \
    -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign 2>/dev/null
}

leaf() { # NAME PURPOSE SAN
  openssl req -new "${curve[@]}" -keyout "$1.key" -subj "/CN=$1" 2>/dev/null |
    openssl x509 -req -CA office-ca.crt -CAkey office-ca.key -days 90 -out "$1.crt" 2>/dev/null -extfile <(
      printf '%s\n' basicConstraints=critical,CA:FALSE keyUsage=critical,digitalSignature \
        "extendedKeyUsage=$2" "subjectAltName=$3"
    )
}

keystore() { # NAME
  openssl pkcs12 -export -name "$1" -inkey "$1.key" -in "$1.crt" -certfile office-ca.crt \
    -passout file:password -out "$1.p12"
}

field() { printf '  %s: %s\n' "$1" "$(base64 -w0 <"$2")"; } # KEY FILE

secret() { # NAMESPACE NAME
  cat <<EOF
apiVersion: v1
kind: Secret
metadata:
  name: $2-tls
  namespace: $1
  annotations:
    cert-manager.io/certificate-name: $2
    cert-manager.io/issuer-kind: ClusterIssuer
    cert-manager.io/issuer-name: office-ca
type: kubernetes.io/tls
data:
EOF
  field ca.crt office-ca.crt
  field tls.crt "$2.crt"
  field tls.key "$2.key"
  [ ! -e "$2.p12" ] || field keystore.p12 "$2.p12"
}

authority office-ca
openssl rand -hex 16 >password
leaf backoffice serverAuth DNS:backoffice.example.com
secret istio-system backoffice >backoffice-secret.yaml
for device in macbook desktop; do
  leaf "$device" clientAuth "URI:spiffe://$device"
  keystore "$device"
  secret office "$device" >"$device-secret.yaml"
done
