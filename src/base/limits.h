// Every named maximum of the server in one place. What happens at each is in docs/limits.md; each
// has a test at the limit and one above it. Sizes are bytes, times milliseconds, unless the name
// says otherwise.
#pragma once

#include <cstddef>
#include <cstdint>

namespace rstmdb::limits {

// Frames and requests (protocol.md of the published clients: 16 MiB).
inline constexpr size_t kFramePayloadBytesMax = 16 * 1024 * 1024;
inline constexpr size_t kFramePayloadBytesBeforeAuthMax = 64 * 1024;
inline constexpr size_t kFrameExtensionBytesMax = 65535;
inline constexpr size_t kRequestIdBytesMax = 256;
inline constexpr size_t kJsonDepthMax = 64;  // of what comes in
inline constexpr size_t kJsonAnswerDepthMax =
    72;  // a context stands deeper in an answer than it came
inline constexpr size_t kJsonMembersMax = 100'000;  // members of one object
inline constexpr uint64_t kOffsetMax = (uint64_t{1} << 53) - 1;

// Names: machine, state, event, instance id, event id, idempotency key.
inline constexpr size_t kNameBytesMax = 256;

// Machines.
inline constexpr size_t kDefinitionBytesMax = 1024 * 1024;
inline constexpr size_t kStatesMax = 10'000;
inline constexpr size_t kTransitionsMax = 20'000;
inline constexpr size_t kEdgesMax = 100'000;  // transitions, counted once for each state in `from`
inline constexpr size_t kMachinesMax = 100'000;
inline constexpr size_t kMachineVersionsMaxDefault = 1'000;
inline constexpr uint32_t kMachineVersionMax = 2'147'483'647;

// Guards.
inline constexpr size_t kGuardBytesMax = 4 * 1024;
inline constexpr size_t kGuardDepthMax = 64;
inline constexpr uint64_t kGuardWorkBytesMax = 64 * 1024 * 1024;  // of contexts read, for one event

// Instances.
inline constexpr size_t kContextBytesMax = 1024 * 1024;
inline constexpr uint32_t kInstancesMax = 4'000'000'000u;
inline constexpr size_t kBatchOperationsMax = 100;
inline constexpr size_t kBatchContextBytesMax = 8 * 1024 * 1024;  // all contexts of one answer
inline constexpr int kAuthFailuresMax = 5;                        // per connection, then it closes
inline constexpr int kRequestsBeforeAuthMax = 16;                 // per connection, then it closes
inline constexpr int kGuessesPerSecondMax = 10;                   // failed AUTH of one address
inline constexpr int64_t kGuessDelayMsMin = 1'000;  // after too many; doubles each time
inline constexpr int64_t kGuessDelayMsMax = 60'000;
inline constexpr int64_t kGuessForgetMs = 10 * 60 * 1000;  // without a failure
inline constexpr size_t kGuessAddressesMax = 10'000;       // remembered at a time
inline constexpr size_t kIdempotencyBytesMaxDefault = 256 * 1024 * 1024;
inline constexpr uint64_t kIdempotencyMemoryParts = 16;  // at most one of the bound of memory
inline constexpr int64_t kIdempotencyTtlMsDefault = 24 * 60 * 60 * 1000;
inline constexpr size_t kIdempotencyKeysMaxDefault = 1'000'000;

// Pages.
inline constexpr uint64_t kListLimitDefault = 100;
inline constexpr uint64_t kListLimitMax = 1'000;
inline constexpr uint64_t kLogReadLimitDefault = 100;
inline constexpr uint64_t kLogReadLimitMax = 1'000;
inline constexpr size_t kLogReadBytesMax = 8 * 1024 * 1024;
inline constexpr size_t kHistoryPageBytesMax = 8 * 1024 * 1024;  // contexts and payloads of a page
inline constexpr size_t kHistoryTurnBytesMax = 2 * 1024 * 1024;  // of the log, read in a turn
inline constexpr size_t kHistoriesMax = 1'024;                   // asked for and not read yet
inline constexpr size_t kHistoriesAtOnceMax = 8;                 // of those, read in turn

// Connections.
inline constexpr size_t kConnectionsMaxDefault = 1'000;
inline constexpr uint64_t kFilesBesideConnections = 256;  // the log's and the snapshots' among them
inline constexpr size_t kRequestsInFlightMax = 4'096;     // per connection; reading pauses above
inline constexpr size_t kWriteBufferBytesMax =
    64 * 1024 * 1024;  // per connection: reading pauses above
inline constexpr int64_t kIdleTimeoutMsDefault = 300'000;
inline constexpr int64_t kHandshakeTimeoutMs = 10'000;   // connecting to authenticated
inline constexpr int64_t kFrameTimeoutMs = 30'000;       // first to last byte of one frame
inline constexpr int64_t kWriteStallTimeoutMs = 30'000;  // peer reads nothing while we hold answers
inline constexpr int64_t kRevokedCutMs = 1'000;          // for the last word to one without rights
inline constexpr int64_t kRefusalTimeoutMs = 1'000;      // waiting for the dialect of one too many
inline constexpr size_t kRefusalsMax = 256;              // being refused at the same time
inline constexpr int64_t kDrainTimeoutMs = 8'000;        // SIGTERM to forced close

// HTTP: the gateway, and the door of metrics and health.
inline constexpr size_t kHttpHeadBytesMax = 16 * 1024;  // request line and fields
inline constexpr size_t kHttpFieldsMax = 100;           // of one head
inline constexpr size_t kHttpChunkLineBytesMax = 32;    // the size of a chunk, as written
inline constexpr size_t kHttpConnectionsMax = 64;       // at the door of metrics and health
inline constexpr size_t kHttpGatewayConnectionsMax = 1'000;
inline constexpr int64_t kHttpTimeoutMs = 10'000;      // to a whole head; to send a page
inline constexpr int64_t kHttpBodyTimeoutMs = 30'000;  // from the head to the body's last byte
inline constexpr int64_t kHttpIdleTimeoutMs = 75'000;  // between two requests, at the gateway
inline constexpr int64_t kHttpHeartbeatMs = 15'000;    // of silence on an event stream
inline constexpr int64_t kMetricsAgeMs = 100;  // a page of metrics serves who asks so soon again

// The queue before the disk: commands that have their place but are not yet durable.
inline constexpr size_t kUncommittedBytesMax = 64 * 1024 * 1024;

// Log.
inline constexpr size_t kLogUnitBytesMax = 64 * 1024 * 1024;
inline constexpr uint64_t kSegmentBytesDefault = 64 * 1024 * 1024;

// Snapshots. A block is cut once it has kSnapshotBlockBytes; the row that fills it may be a large
// one.
inline constexpr size_t kSnapshotBlockBytes = 256 * 1024;
inline constexpr size_t kSnapshotBlockBytesMax = 2 * 1024 * 1024;
inline constexpr size_t kSnapshotWaitingBytesMax = 8 * 1024 * 1024;  // for the disk: the walk waits
inline constexpr size_t kSnapshotOverrunBytesMax = 64 * 1024 * 1024;  // ... writers: it is given up
inline constexpr size_t kSnapshotsKept = 2;

// Memory.
inline constexpr uint64_t kMemoryTenthsDefault = 9;  // of what the process may have ...
inline constexpr uint64_t kMemoryHeadroomBytes = 32 * 1024 * 1024;  // ... and so much is left
inline constexpr int64_t kMemoryLookMs = 250;                  // between two looks at what it uses
inline constexpr uint64_t kMemoryLookBytes = 4 * 1024 * 1024;  // of records: likewise

// Disk.
inline constexpr uint64_t kDiskReserveBytesDefault = 256 * 1024 * 1024;  // writes leave it free
inline constexpr int64_t kDiskLookMs = 1'000;  // between two looks at free space and folder

// Watching.
inline constexpr size_t kSubscriptionsPerConnectionMax = 1'000;
inline constexpr size_t kSubscriptionsMax = 100'000;                // of the server
inline constexpr size_t kSubscriptionBytesMax = 256 * 1024 * 1024;  // filters and keys, all of them
inline constexpr size_t kWatchKeysMax = 1'024;  // combinations of names in one filter's index keys
inline constexpr size_t kWatchBufferBytesMax = 64 * 1024;     // unsent of a connection that watches
inline constexpr int64_t kWatchStallTimeoutMs = 600'000;      // peer reads nothing while it watches
inline constexpr size_t kTurnToldBytesMax = 2 * 1024 * 1024;  // notifications in a turn, twice
inline constexpr size_t kCatchUpTurnBytesMax =
    64 * 1024;  // of the log, read for watchers in a turn
inline constexpr size_t kCatchUpStretchBytesMax = 64 * 1024;       // read at a time, for all
inline constexpr size_t kCatchUpMemoryBytesMax = 4 * 1024 * 1024;  // of the stretches kept
inline constexpr size_t kWatchCursorsMax = 64;                     // open at the same time

// Backups, exports.
inline constexpr size_t kBackupEntriesMax = 100'000;            // files in a backup
inline constexpr size_t kImportLineBytesMax = 4 * 1024 * 1024;  // of one line

// Loop and network.
inline constexpr size_t kTurnHandlersMax = 256;     // handled before the log is flushed
inline constexpr size_t kWorkerJobsMax = 64;        // waiting for the worker thread
inline constexpr int64_t kAcceptBackOffMs = 100;    // after accept found no descriptor or memory
inline constexpr int64_t kLingerMs = 2'000;         // for the peer to read our last bytes
inline constexpr size_t kLingerBytesMax = 1 << 20;  // of the peer's input dropped meanwhile
inline constexpr int kUnsentKernelBytesMax = 128 * 1024;  // of one connection, waiting there
inline constexpr int kKeepAliveIdleSecs = 60;             // of silence before the peer is probed
inline constexpr int kKeepAliveIntervalSecs = 15;
inline constexpr int kKeepAliveProbesMax = 4;  // unanswered, then the connection is broken

// Logging.
inline constexpr size_t kLogValueBytesMax = 1'024;  // of one value or message; the rest is cut

// Configuration.
inline constexpr size_t kConfigBytesMax = 1024 * 1024;  // of the file, also of the secrets file
inline constexpr size_t kTokenHashesMax = 10'000;
inline constexpr size_t kCertificatesMax = 10'000;       // of auth.certificates
inline constexpr size_t kPrincipalNameBytesMax = 64;     // of a token's name
inline constexpr size_t kTlsFileBytesMax = 1024 * 1024;  // of each certificate, key or CRL file
inline constexpr int kCertificateChainMax = 4;  // certificates between a client's and its root

// TLS.
inline constexpr size_t kTlsRecordBytesMax = 16 * 1024;   // of plain bytes in one record
inline constexpr size_t kTlsAheadBytesMax = 64 * 1024;    // encrypted before the peer takes any
inline constexpr size_t kTlsUnsentBytesMax = 256 * 1024;  // with what TLS itself answers the peer

}  // namespace rstmdb::limits
