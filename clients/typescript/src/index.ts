export type { CallOptions } from './call.js';
export { Client, type ClientEvents } from './client.js';
export { type ClientConfig, ClientOptions, type ConnectOptions, type TlsConfig } from './config.js';
export {
  AlreadyExistsError,
  AuthenticationError,
  BadRequestError,
  ConflictError,
  ConnectionError,
  type ErrorCode,
  type ErrorDetails,
  GuardFailedError,
  InvalidTransitionError,
  NotFoundError,
  ProtocolError,
  RateLimitedError,
  RstmdbError,
  type RstmdbErrorOptions,
  ServerError,
  type ServerErrorCode,
  TimeoutError,
} from './errors.js';
export { JsonNumber } from './json.js';
export { Subscription, type SubscriptionEvents } from './subscription.js';
export type * from './types.js';
export { VERSION } from './version.js';
