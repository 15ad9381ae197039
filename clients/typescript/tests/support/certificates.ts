// A CA with a server's and a client's certificate, as PEM files in a folder.

import { execFileSync } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';

const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

export function makeCertificates(folder: string): void {
  const openssl = (...args: string[]) =>
    execFileSync('openssl', args, { cwd: folder, stdio: ['ignore', 'ignore', 'ignore'] });
  const issue = (name: string, subject: string, extension: string) => {
    writeFileSync(`${folder}/${name}.ext`, extension);
    openssl('req', ...KEY, '-keyout', `${name}-key.pem`, '-out', `${name}.csr`, '-subj', subject);
    openssl(
      ...['x509', '-req', '-in', `${name}.csr`, '-CA', 'ca.pem', '-CAkey', 'ca-key.pem'],
      ...['-days', '2', '-extfile', `${name}.ext`, '-out', `${name}.pem`],
    );
    chmodSync(`${folder}/${name}-key.pem`, 0o600);
  };
  openssl(
    ...['req', '-x509', ...KEY, '-days', '2', '-keyout', 'ca-key.pem', '-out', 'ca.pem'],
    ...['-subj', '/O=Acme/CN=Acme root'],
  );
  issue(
    'server',
    '/O=Acme/CN=localhost',
    'subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth\n',
  );
  issue('client', '/O=Acme/CN=billing', 'extendedKeyUsage=clientAuth\nkeyUsage=digitalSignature\n');
}

/** The server's section `tls` for these files. */
export function tlsConfig(folder: string): Record<string, unknown> {
  return {
    enabled: true,
    cert_path: `${folder}/server.pem`,
    key_path: `${folder}/server-key.pem`,
    client_ca_path: `${folder}/ca.pem`,
  };
}
