// What can go wrong, as classes. Decide by class, `code` and `details`; messages are for people and
// may change.

/** The protocol's codes, a closed list: docs/errors.md says what each means. */
export type ServerErrorCode =
  | 'UNSUPPORTED_PROTOCOL'
  | 'BAD_REQUEST'
  | 'UNAUTHORIZED'
  | 'AUTH_FAILED'
  | 'NOT_FOUND'
  | 'MACHINE_NOT_FOUND'
  | 'MACHINE_VERSION_EXISTS'
  | 'MACHINE_VERSION_LIMIT_EXCEEDED'
  | 'INSTANCE_NOT_FOUND'
  | 'INSTANCE_EXISTS'
  | 'INVALID_TRANSITION'
  | 'GUARD_FAILED'
  | 'CONFLICT'
  | 'WAL_IO_ERROR'
  | 'INTERNAL_ERROR'
  | 'RATE_LIMITED';

/** The server's codes, and what the client itself finds out. */
export type ErrorCode = ServerErrorCode | 'CONNECTION' | 'TIMEOUT' | 'PROTOCOL';

/** What the server says beyond the code, with names in camelCase. */
export interface ErrorDetails {
  /** CONFLICT: the state that was expected, and the one that the instance is in. */
  expectedState?: string;
  actualState?: string;
  /** CONFLICT: the offset that was expected, and that of the instance's last record. */
  expectedOffset?: number;
  actualOffset?: number;
  /** INVALID_TRANSITION, GUARD_FAILED */
  currentState?: string;
  event?: string;
  /** GUARD_FAILED: the text of the first guard that was tried. */
  guard?: string;
  machine?: string;
  version?: number;
  instanceId?: string;
  /** BAD_REQUEST: the place of the fault, for example `transitions[2].guard`. */
  path?: string;
  reason?: string;
  /** In an atomic batch: the operation that failed, from 0. */
  index?: number;
  /** A word for the case, for example IDEMPOTENCY_MISMATCH. */
  code?: string;
  oldestOffset?: number;
  retryAfterMs?: number;
  [name: string]: unknown;
}

/** What the client knows of an error when it makes one. */
export interface RstmdbErrorOptions {
  details?: ErrorDetails | undefined;
  retryable?: boolean;
  maybeApplied?: boolean;
  cause?: unknown;
}

/** What all errors of this client have in common. */
export class RstmdbError extends Error {
  readonly code: ErrorCode;
  /** Whether the same call may succeed if it is made again, and making it again does no harm. */
  readonly retryable: boolean;
  readonly details: ErrorDetails | undefined;
  /** Whether the operation may have taken effect although the call failed. */
  readonly maybeApplied: boolean;
  /** The key that the call went out with: calling again with it takes effect once. */
  idempotencyKey: string | undefined;

  constructor(code: ErrorCode, message: string, options: RstmdbErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.maybeApplied = options.maybeApplied ?? false;
    this.retryable = (options.retryable ?? false) && !this.maybeApplied;
    this.details = options.details;
    this.idempotencyKey = undefined;
  }
}

/** There is no connection, or it was lost before the answer came. */
export class ConnectionError extends RstmdbError {
  constructor(message: string, options: Omit<RstmdbErrorOptions, 'details'> = {}) {
    super('CONNECTION', message, { retryable: true, ...options });
  }
}

/** The answer did not come in time. */
export class TimeoutError extends RstmdbError {
  constructor(message: string, options: Omit<RstmdbErrorOptions, 'details'> = {}) {
    super('TIMEOUT', message, { retryable: true, ...options });
  }
}

/** The peer does not speak the protocol as this client does. */
export class ProtocolError extends RstmdbError {
  constructor(
    message: string,
    options: RstmdbErrorOptions & { code?: 'PROTOCOL' | 'UNSUPPORTED_PROTOCOL' } = {},
  ) {
    super(options.code ?? 'PROTOCOL', message, options);
  }
}

/** The server's answer is an error. */
export class ServerError extends RstmdbError {
  declare readonly code: ServerErrorCode;
}

/** The request can never succeed as it is; `details.path` names the place. */
export class BadRequestError extends ServerError {}

/** The token or certificate is not good, or not good for this. */
export class AuthenticationError extends ServerError {}

/** No such machine, instance, subscription or place in the log. */
export class NotFoundError extends ServerError {}

/** The world is not as the caller expected: state, offset, key, checksum. */
export class ConflictError extends ServerError {}

/** The name is taken by something else. */
export class AlreadyExistsError extends ConflictError {}

/** The machine has no transition for the event in this state. */
export class InvalidTransitionError extends ServerError {}

/** There is a transition, but its guard does not hold. */
export class GuardFailedError extends ServerError {}

/** A bound of the server is reached; wait, then send the same request again. */
export class RateLimitedError extends ServerError {}

// On the prototypes and by hand: a bundler may rename classes.
for (const [name, Class] of Object.entries({
  RstmdbError,
  ConnectionError,
  TimeoutError,
  ProtocolError,
  ServerError,
  BadRequestError,
  AuthenticationError,
  NotFoundError,
  ConflictError,
  AlreadyExistsError,
  InvalidTransitionError,
  GuardFailedError,
  RateLimitedError,
})) {
  Object.defineProperty(Class.prototype, 'name', { value: name, configurable: true });
}

type ServerErrorClass = new (
  code: ErrorCode,
  message: string,
  options: RstmdbErrorOptions,
) => ServerError;

const CLASSES: Record<Exclude<ServerErrorCode, 'UNSUPPORTED_PROTOCOL'>, ServerErrorClass> = {
  BAD_REQUEST: BadRequestError,
  UNAUTHORIZED: AuthenticationError,
  AUTH_FAILED: AuthenticationError,
  NOT_FOUND: NotFoundError,
  MACHINE_NOT_FOUND: NotFoundError,
  MACHINE_VERSION_EXISTS: AlreadyExistsError,
  MACHINE_VERSION_LIMIT_EXCEEDED: ServerError,
  INSTANCE_NOT_FOUND: NotFoundError,
  INSTANCE_EXISTS: AlreadyExistsError,
  INVALID_TRANSITION: InvalidTransitionError,
  GUARD_FAILED: GuardFailedError,
  CONFLICT: ConflictError,
  WAL_IO_ERROR: ServerError,
  INTERNAL_ERROR: ServerError,
  RATE_LIMITED: RateLimitedError,
};

/** The member `error` of an answer. */
export interface WireError {
  code: string;
  message: string;
  retryable: boolean;
  details?: Record<string, unknown>;
}

/** Codes with which the server says that it does not know itself whether a write took effect. */
const UNCLEAR: ReadonlySet<string> = new Set(['WAL_IO_ERROR', 'INTERNAL_ERROR']);

/** The error that an answer tells of. `sends`: how often a write has been sent, 0 for what changes
 * nothing; one that was sent before may have taken effect then, whatever it is answered now. */
export function errorOf(wire: WireError, sends = 0): RstmdbError {
  const details = wire.details && (camelMembers(wire.details) as ErrorDetails);
  const maybeApplied = sends > 1 || (sends === 1 && UNCLEAR.has(wire.code));
  const options: RstmdbErrorOptions = { details, retryable: wire.retryable === true, maybeApplied };
  const message = String(wire.message);
  if (wire.code === 'UNSUPPORTED_PROTOCOL') {
    return new ProtocolError(message, { ...options, code: 'UNSUPPORTED_PROTOCOL' });
  }
  const Class: ServerErrorClass | undefined = Object.hasOwn(CLASSES, wire.code)
    ? CLASSES[wire.code as keyof typeof CLASSES]
    : undefined;
  if (!Class)
    return new ProtocolError(`the server answered with an unknown code ${wire.code}`, {
      maybeApplied,
    });
  return new Class(wire.code as ServerErrorCode, message, options);
}

/** The same members with their names in camelCase; what is in them stays as it is. */
export function camelMembers(object: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(object).map(([name, value]) => [
      name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase()),
      value,
    ]),
  );
}
