// One function per operation, each in the file of its name. Contracts are in docs/operations.md,
// made from the same table that checks their parameters.
#pragma once

#include "api/dispatch.h"

namespace rstmdb::api {

Result<DependsOn> hello(const Context& context, const Params& params, json::Writer& result);
Result<DependsOn> auth(const Context& context, const Params& params, json::Writer& result);
Result<DependsOn> ping(const Context& context, const Params& params, json::Writer& result);
Result<DependsOn> info(const Context& context, const Params& params, json::Writer& result);
Result<DependsOn> bye(const Context& context, const Params& params, json::Writer& result);
Result<DependsOn> put_machine(const Context& context, const Params& params, json::Writer& result);
Result<DependsOn> get_machine(const Context& context, const Params& params, json::Writer& result);
Result<DependsOn> list_machines(const Context& context, const Params& params, json::Writer& result);
Result<DependsOn> create_instance(const Context& context, const Params& params,
                                  json::Writer& result);
Result<DependsOn> get_instance(const Context& context, const Params& params, json::Writer& result);
Result<DependsOn> get_history(const Context& context, const Params& params, json::Writer& result);
Result<DependsOn> list_instances(const Context& context, const Params& params,
                                 json::Writer& result);
Result<DependsOn> count_instances(const Context& context, const Params& params,
                                  json::Writer& result);
Result<DependsOn> apply_event(const Context& context, const Params& params, json::Writer& result);
Result<DependsOn> delete_instance(const Context& context, const Params& params,
                                  json::Writer& result);
Result<DependsOn> batch(const Context& context, const Params& params, json::Writer& result);
Result<DependsOn> flush_all(const Context& context, const Params& params, json::Writer& result);
Result<DependsOn> watch_instance(const Context& context, const Params& params,
                                 json::Writer& result);
Result<DependsOn> watch_all(const Context& context, const Params& params, json::Writer& result);
Result<DependsOn> unwatch(const Context& context, const Params& params, json::Writer& result);
Result<DependsOn> wal_read(const Context& context, const Params& params, json::Writer& result);
Result<DependsOn> wal_stats(const Context& context, const Params& params, json::Writer& result);
Result<DependsOn> snapshot_instance(const Context& context, const Params& params,
                                    json::Writer& result);
Result<DependsOn> compact(const Context& context, const Params& params, json::Writer& result);

/// The operation's function.
Handler handler_of(Operation operation);

}  // namespace rstmdb::api
