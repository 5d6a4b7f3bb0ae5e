import { resolve } from 'node:path';

/** How to make other programs believe certificates of the local authority, to be printed as it is. */
export function trustInstructions(authorityFile: string): string {
  const file = quote(resolve(authorityFile));
  return `These certificates are signed by a local authority that no browser knows yet. To trust it:

  curl            curl --cacert ${file} https://localhost
  Debian, Ubuntu  sudo cp ${file} /usr/local/share/ca-certificates/sluice-local-ca.crt && sudo update-ca-certificates
  Fedora, RHEL    sudo cp ${file} /etc/pki/ca-trust/source/anchors/sluice-local-ca.crt && sudo update-ca-trust
  macOS           sudo security add-trusted-cert -d -r trustRoot -k /Library/Keychains/System.keychain ${file}
  Windows         certutil -addstore -f ROOT ${file}
  Firefox         Settings, Certificates, View Certificates, Authorities, Import: ${file}
  Chrome (Linux)  certutil -d sql:$HOME/.pki/nssdb -A -t C,, -n sluice-local-ca -i ${file}
  Node            NODE_EXTRA_CA_CERTS=${file}

It can only sign development names, private addresses and the names you asked for. Never share its key.
`;
}

function quote(path: string): string {
  return /^[\w@%+=:,./\\-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`;
}
