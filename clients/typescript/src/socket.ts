// Opens a socket, plain or with TLS.

import { readFileSync } from 'node:fs';
import { connect, isIP, type NetConnectOpts, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import type { Settings, TlsConfig } from './config.js';
import { ConnectionError } from './errors.js';

const PROBE_MS = 60_000; // silence after which the kernel asks whether the peer is still there

/** A connected socket; with TLS, after the handshake. Rejects with a ConnectionError, or with the
 * signal's reason. */
export async function openSocket(settings: Settings, signal: AbortSignal): Promise<Socket> {
  const { host, port, tls } = settings;
  const plain = connect({
    host,
    port,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: PROBE_MS,
    autoSelectFamily: true, // localhost is ::1 for some servers and 127.0.0.1 for others
  } as NetConnectOpts);
  await arrived(plain, 'connect', signal, `no connection to ${host}:${port}`);
  if (!tls) return plain;
  try {
    const secure = connectTls({ ...tlsOptionsOf(tls, host), socket: plain });
    await arrived(secure, 'secureConnect', signal, `no TLS with ${host}:${port}`);
    return secure;
  } catch (error) {
    plain.destroy();
    if (error instanceof ConnectionError || signal.aborted) throw error;
    throw new ConnectionError(`TLS: ${(error as Error).message}`, {
      cause: error,
      retryable: false,
    });
  }
}

/** What node:tls is told for one connection. */
function tlsOptionsOf(tls: TlsConfig, host: string): ConnectionOptions {
  const part = (given: string | Uint8Array | undefined, file: string | undefined) =>
    given ?? (file === undefined ? undefined : readFileSync(file));
  const ca = tls.ca ?? part(undefined, tls.caFile);
  const cert = part(tls.cert, tls.certFile);
  const key = part(tls.key, tls.keyFile);
  const name = tls.servername ?? host;
  // An option that is undefined is not the same as one that is missing to node:tls.
  const given = {
    ca,
    cert,
    key,
    passphrase: tls.passphrase,
    servername: isIP(name) ? undefined : name, // SNI knows no addresses
    host: name,
    minVersion: 'TLSv1.2',
    rejectUnauthorized: tls.rejectUnauthorized ?? true,
  };
  return Object.fromEntries(
    Object.entries(given).filter(([, value]) => value !== undefined),
  ) as ConnectionOptions;
}

function arrived(
  socket: Socket,
  event: 'connect' | 'secureConnect',
  signal: AbortSignal,
  failure: string,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (end: () => void) => {
      signal.removeEventListener('abort', onAbort);
      socket.removeListener(event, onReady);
      socket.removeListener('error', onError);
      socket.removeListener('close', onClose);
      end();
    };
    const fail = (reason: unknown) =>
      settle(() => {
        socket.on('error', () => {}); // whatever else it says does not matter any more
        socket.destroy();
        reject(reason);
      });
    const onReady = () => settle(resolve);
    const onError = (error: Error) =>
      fail(
        new ConnectionError(`${failure}: ${reasonOf(error)}`, {
          cause: error,
          retryable: isOfSystem(error),
        }),
      );
    const onClose = () => fail(new ConnectionError(`${failure}: it was closed`));
    const onAbort = () => fail(signal.reason);
    socket.once(event, onReady);
    socket.once('error', onError);
    socket.once('close', onClose);
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  });
}

/** What the system says may be different a moment later; a certificate that is not good stays
 * so. */
function isOfSystem(error: Error): boolean {
  return [error, ...((error as { errors?: Error[] }).errors ?? [])].some((one) => 'syscall' in one);
}

/** With several addresses tried, Node gives an AggregateError with an empty message. */
export function reasonOf(error: Error): string {
  const first = (error as { errors?: Error[] }).errors?.[0];
  return error.message || first?.message || String((error as { code?: string }).code);
}
